import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { repository } from '../kit/process.ts';

interface Checkout {
  readonly folder: string;
  run(
    script: string,
    args?: readonly string[],
    as?: 'node 24' | 'node 18' | 'windows',
  ): { status: number | null; stdout: string; stderr: string };
}

/** The launchers in a folder of their own, with a program that says who runs it. */
function checkout(): Checkout {
  const folder = mkdtempSync(join(tmpdir(), 'fronttcp-launcher-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'scripts'));
  mkdirSync(join(folder, 'node_modules/vitest'), { recursive: true });
  for (const file of ['bin/fronttcp.mjs', 'bin/run-typescript.mjs', 'scripts/launch.mjs']) {
    copyFileSync(join(repository, file), join(folder, file));
  }
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'bin/fronttcp.ts'), 'console.log(process.argv.slice(2).join(" ")); process.exit(7);');
  writeFileSync(join(folder, 'needs.ts'), 'import "no-such-package";');
  // What others would say of themselves; the Node that is handed over to says the truth.
  const pretend = (name: string, text: string) => writeFileSync(join(folder, name), text);
  pretend(
    'node 18.cjs',
    `if (!process.env.NODE_24) Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } }); process.env.NODE_24 = '1';`,
  );
  pretend('windows.cjs', "Object.defineProperty(process, 'platform', { value: 'win32' });");
  return {
    folder,
    run(script, args = [], as = 'node 24') {
      const before = as === 'node 24' ? [] : ['-r', join(folder, `${as}.cjs`)];
      return spawnSync(process.execPath, [...before, join(folder, script), ...args], { encoding: 'utf8', cwd: folder });
    },
  };
}

function bundle(folder: string): void {
  mkdirSync(join(folder, 'node_modules/node/bin'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/node/package.json'), '{"name": "node", "version": "24.0.0"}');
  symlinkSync(process.execPath, join(folder, 'node_modules/node/bin/node'));
}

const starts = [
  ['bin/fronttcp.mjs', []],
  ['scripts/launch.mjs', ['bin/fronttcp.ts']],
] as const;

test.each(starts)('%s: Node 24 runs the program itself, with its arguments and its exit code', (script, before) => {
  expect(checkout().run(script, [...before, 'a', 'b'])).toMatchObject({ status: 7, stdout: 'a b\n' });
});

test.each(starts)('%s: an older Node hands over to the one that npm ci installed', (script, before) => {
  const { folder, run } = checkout();
  bundle(folder);
  expect(run(script, [...before, 'a', 'b'], 'node 18')).toMatchObject({ status: 7, stdout: 'a b\n' });
});

test.each(starts)('%s: an older Node after npm ci --ignore-scripts says how to get one', (script, before) => {
  const { status, stderr } = checkout().run(script, before, 'node 18');
  expect([status, stderr]).toEqual([
    2,
    expect.stringMatching(/^error: fronttcp needs Node 24 .* this is 18\.20\.8: run `npm rebuild node`.*\n$/),
  ]);
});

test.each(starts)('%s: before npm ci it asks for npm ci', (script, before) => {
  const { folder, run } = checkout();
  rmSync(join(folder, 'node_modules'), { recursive: true });
  expect(run(script, before)).toMatchObject({ status: 2, stderr: expect.stringContaining('Run `npm ci` first') });
});

test('after npm ci --omit=dev, a program that needs a development dependency says so', () => {
  const { folder, run } = checkout();
  rmSync(join(folder, 'node_modules/vitest'), { recursive: true });
  expect(run('scripts/launch.mjs', ['--dev', 'bin/fronttcp.ts']).stderr).toBe(
    'error: Run `npm ci` without --omit=dev: this needs the development dependencies.\n',
  );
  expect(run('scripts/launch.mjs', ['needs.ts']).stderr).toContain('the package no-such-package is not installed');
  expect(run('scripts/launch.mjs', ['bin/fronttcp.ts']).status).toBe(7);
});

test('on Windows a program that needs a Unix says so; the rest runs', () => {
  const { run } = checkout();
  expect(run('scripts/launch.mjs', ['--unix', 'bin/fronttcp.ts'], 'windows').stderr).toMatch(/^error: .* WSL .*\n$/);
  expect(run('scripts/launch.mjs', ['bin/fronttcp.ts'], 'windows').status).toBe(7);
});

test('npm scripts begin with a program, or with exec, which cmd.exe finds among the packages', () => {
  const read = (file: string): Manifest => JSON.parse(readFileSync(join(repository, file), 'utf8')) as Manifest;
  const words = Object.values(read('package.json').scripts ?? {}).flatMap((script) =>
    script.split(' && ').map((part) => part.split(' ')[0]),
  );
  expect(new Set(words)).toEqual(new Set(['exec', 'node', 'biome', 'vitest', 'npm', 'tsc']));
  const exec = join(repository, 'scripts/exec', read('scripts/exec/package.json').bin?.exec ?? '');
  const run = spawnSync(process.execPath, [exec, 'node', '-e', 'console.log("ran"); process.exit(3)']);
  expect([run.status, String(run.stdout)]).toEqual([3, 'ran\n']);
});

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
}
