import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { repository, startProcess } from '../kit/process.ts';

/** The packages without a dependency, packed as npm publishes them and installed by npm without a network. */
const work = mkdtempSync(join(tmpdir(), 'fronttcp-split-'));
const app = join(work, 'app');
const names = ['fronttcp-client', 'fronttcp-upstream'];

async function run(command: string, args: readonly string[], cwd = work): Promise<string> {
  const running = startProcess(command, args, { cwd });
  const { code } = await running.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${running.output()}`);
  return running.output();
}

const archives = (): string[] => readdirSync(work).filter((name) => name.endsWith('.tgz'));

beforeAll(async () => {
  await run('npm', ['pack', '--pack-destination', work, ...names.flatMap((name) => ['-w', name])], repository);
  await run('mkdir', ['app']);
  writeFileSync(join(app, 'package.json'), '{"private": true, "type": "module"}');
  const files = archives().map((name) => join('..', name));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...files], app);
}, 120_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

it('are the only ones that an install brings', () => {
  expect(readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(names);
});

it('hold what was compiled, a page and the licence', async () => {
  for (const archive of archives()) {
    const files = (await run('tar', ['-tzf', archive])).trim().split('\n');
    expect(
      files.filter((file) => !/^package\/(dist\/.+\.(js|d\.ts)|README\.md|LICENSE|package\.json)$/.test(file)),
    ).toEqual([]);
    expect(files.length).toBeGreaterThan(4);
  }
});

it('run', async () => {
  writeFileSync(
    join(app, 'use.js'),
    `import { connect } from 'fronttcp-client';
     import { UnreachableError } from 'fronttcp-client/errors';
     import { createHandler } from 'fronttcp-upstream';
     const failed = await connect({ host: '127.0.0.1', port: 1, phoneNumber: 'u', token: 't' }).catch((error) => error);
     console.log(failed instanceof UnreachableError, typeof createHandler({ items: {} }));`,
  );
  expect(await run(process.execPath, ['use.js'], app)).toBe('true function\n');
});

it('please publint and have the types of ES modules', async () => {
  for (const name of names) {
    const publint = join(repository, 'node_modules/publint/src/cli.js');
    expect(await run(process.execPath, [publint, join(app, 'node_modules', name), '--strict'])).toContain('All good!');
  }
  const attw = join(repository, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  for (const archive of archives()) await run(process.execPath, [attw, join(work, archive), '--profile', 'esm-only']);
}, 60_000);
