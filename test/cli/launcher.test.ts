import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { repository } from '../kit/process.ts';

/** The launcher in a folder of its own, as an older Node sees it, with a program that says who runs it. */
function install(): { launcher: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'fronttcp-launcher-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'bin'));
  const launcher = join(folder, 'bin/fronttcp.mjs');
  copyFileSync(join(repository, 'bin/fronttcp.mjs'), launcher);
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(
    join(folder, 'bin/fronttcp.ts'),
    'console.log(process.argv.slice(2).join(" ")); if (process.argv[2] === "hang") setInterval(() => {}, 1e6); else process.exit(7);',
  );
  // What an older Node would say of itself.
  writeFileSync(
    join(folder, 'old.cjs'),
    `if (!process.env.BUNDLED) Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });`,
  );
  return { launcher, folder };
}

function bundle(folder: string): void {
  mkdirSync(join(folder, 'node_modules/node/bin'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/node/package.json'), '{"name": "node", "version": "24.0.0"}');
  symlinkSync(process.execPath, join(folder, 'node_modules/node/bin/node'));
}

test('Node 24 runs the program itself, with its arguments and its exit code', () => {
  const { launcher } = install();
  const run = spawnSync(process.execPath, [launcher, 'a', 'b'], { encoding: 'utf8' });
  expect(run).toMatchObject({ status: 7, stdout: 'a b\n' });
});

test('an older Node hands over to the bundled one', () => {
  const { launcher, folder } = install();
  bundle(folder);
  const run = spawnSync(process.execPath, ['-r', join(folder, 'old.cjs'), launcher, 'a', 'b'], { encoding: 'utf8' });
  expect(run).toMatchObject({ status: 7, stdout: 'a b\n' });
});

test('an older Node without the bundled one says what is needed', () => {
  const { launcher, folder } = install();
  const run = spawnSync(process.execPath, ['-r', join(folder, 'old.cjs'), launcher], { encoding: 'utf8' });
  expect(run.status).toBe(2);
  expect(run.stderr).toContain('needs Node 24');
  expect(run.stderr).toContain('20.1.0');
});
