import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { expectConformance } from '../examples/support/conformance.ts';
import { repository } from '../kit/process.ts';

/** Its first build compiles Go's own library, which takes a minute: it is one of the long tests. */
const folder = mkdtempSync(join(tmpdir(), 'fronttcp-go-'));
afterAll(() => rmSync(folder, { recursive: true }));

function go(...args: string[]): string {
  const cwd = join(repository, 'examples/clients/go');
  const { status, stdout, stderr } = spawnSync('go', args, { cwd, encoding: 'utf8' });
  expect(status, `${stdout}${stderr}`).toBe(0);
  return stdout;
}

test('the Go module passes its own tests, with all vectors', () => {
  go('vet', './...');
  expect(go('test', './...')).toContain('ok');
}, 300_000);

test('the Go client keeps to every clause', async () => {
  const program = join(folder, 'client');
  go('build', '-o', program, './cmd/fronttcp-client');
  await expectConformance((port) => [program, `127.0.0.1:${port}`, 'me', 'you']);
}, 300_000);
