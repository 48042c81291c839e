import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { repository, startProcess } from '../support/process.ts';

const work = mkdtempSync(join(tmpdir(), 'fronttcp-package-'));
const installed = join(work, 'app/node_modules/fronttcp');
let archive = '';

async function run(command: string, args: readonly string[], cwd = work): Promise<string> {
  const running = startProcess(command, args, { cwd });
  const { code } = await running.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${running.output()}`);
  return running.output();
}

beforeAll(async () => {
  await run('npm', ['pack', '--pack-destination', work], repository);
  archive = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '');
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', archive, '--strip-components=1', '-C', installed]);
}, 240_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

it('publint finds nothing', async () => {
  expect(
    await run(process.execPath, [join(repository, 'node_modules/publint/src/cli.js'), installed, '--strict']),
  ).toContain('All good!');
}, 60_000);

it('its types are those of an ES module, at every entry', async () => {
  const attw = join(repository, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  await run(process.execPath, [attw, archive, '--profile', 'esm-only']);
}, 60_000);

it('the client library and the upstream helper need nothing beside them', async () => {
  writeFileSync(
    join(work, 'app/use.mjs'),
    `import { connect } from 'fronttcp/client';
     import { UnreachableError } from 'fronttcp/client/errors';
     import { createHandler } from 'fronttcp/upstream';
     const failed = await connect({ host: '127.0.0.1', port: 1, phoneNumber: 'u', token: 't' }).catch((error) => error);
     console.log(failed instanceof UnreachableError, typeof createHandler({ events: {} }));`,
  );
  expect(await run(process.execPath, ['use.mjs'], join(work, 'app'))).toContain('true function');
});

it('brings its command line, without TypeScript', async () => {
  for (const name of ['@aws-sdk', '@upstash', 'commander', 'ioredis', 'pino', 'zod']) {
    symlinkSync(join(repository, 'node_modules', name), join(work, 'app/node_modules', name));
  }
  const help = await run(process.execPath, [join(installed, 'bin/fronttcp.mjs'), '--help']);
  expect(help).toContain('fronttcp send --to');
  expect(await run(process.execPath, [join(installed, 'bin/fronttcp.mjs'), 'cost', '--clients', '10'])).toContain(
    'Total',
  );
});

it('holds no sources, tests or benchmarks', async () => {
  const files = (await run('tar', ['-tzf', archive])).split('\n').filter((file) => file !== '');
  expect(
    files.filter((file) => !/^package\/(bin\/fronttcp\.mjs|dist\/|README\.md|LICENSE|package\.json)/.test(file)),
  ).toEqual([]);
});
