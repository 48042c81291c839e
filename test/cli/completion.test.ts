import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository } from '../kit/process.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fronttcp-completion-'));
  const launcher = join(repository, 'bin/fronttcp.mjs');
  writeFileSync(join(folder, 'fronttcp'), `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`);
  chmodSync(join(folder, 'fronttcp'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** What bash itself offers for these lines at the press of the key, one list for each. */
function completedByBash(...lines: string[][]): string[][] {
  const script = lines.map(
    (words) => `
    COMP_WORDS=(fronttcp ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
    "$(complete -p fronttcp | sed 's/.*-F \\([^ ]*\\).*/\\1/')" fronttcp
    echo "\${COMPREPLY[*]}"`,
  );
  const printed = run('bash', '-c', `source <(fronttcp completion bash)\n${script.join('\n')}`);
  return printed
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '));
}

test('bash completes commands, their commands, options and values', () => {
  const [commands, ofUsers, options, scopes, split, global, file] = completedByBash(
    ['sen'],
    ['users', ''],
    ['send', '--to'],
    ['tokens', 'create', 'x', '--scope', ''],
    ['tokens', 'create', 'x', '--scope', '=', 'se'],
    ['--api', 'users', 'users', 'list', '--j'],
    ['send', '--to-file', ''],
  );
  expect(commands).toEqual(['send']);
  expect(ofUsers).toEqual(expect.arrayContaining(['list', 'show', 'add', 'token', 'remove']));
  expect(options).toEqual(['--to', '--to-file']);
  expect(scopes).toEqual(expect.arrayContaining(['send', 'read']));
  expect(split).toEqual(['send']);
  expect(global).toEqual(['--json']);
  // No candidate: bash goes on with the names of files.
  expect(file ?? ['']).toEqual(['']);
});

test('completes every command that help lists, and no hidden one', () => {
  const help = run('fronttcp', '--help');
  const listed = [...help.matchAll(/^ {2}([a-z]+) .*\S/gm)].map(([, name]) => name);
  const offered = run('fronttcp', '__complete', '--', '')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  expect(offered.length).toBeGreaterThan(10);
  for (const [name, description] of offered) {
    expect(listed).toContain(name);
    expect(description).not.toBe('');
  }
});

test('zsh and fish ask the same command, and fish knows which options take a file', () => {
  expect(run('fronttcp', 'completion', 'zsh')).toMatch(/^#compdef fronttcp\n[\s\S]*__complete -- /);
  const fish = run('fronttcp', 'completion', 'fish');
  expect(fish).toContain('__complete -- $words[2..-1]');
  expect(fish).toContain('complete -c fronttcp -l to-file -r -F');
});
