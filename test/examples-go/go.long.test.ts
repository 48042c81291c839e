import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAgain, expectReply, expectReplyAgain } from '../examples/support/asks.ts';
import { expectNoSendBeforeTheVerdict } from '../examples/support/broken.ts';
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

describe('the Go client', () => {
  const program = join(folder, 'client');
  const client = (port: number, userId = 'me') => [program, `127.0.0.1:${port}`, userId, 'you'] as const;
  beforeAll(() => {
    go('build', '-o', program, './cmd/fronttcp-client');
  }, 300_000);

  test('keeps to every clause', () => expectConformance(client), 300_000);

  test('replies to a message that asks, through a real gateway', () => expectReply(client));

  test('sends no reply when its handler fails, and is called again', () => expectAgain(client));

  test('sends a lost reply again, and does not call its handler again', () => expectReplyAgain(client));

  test('refuses to send before its verify is accepted', () => expectNoSendBeforeTheVerdict(client));
});
