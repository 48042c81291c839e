import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAgain, expectReply } from '../examples/support/asks.ts';
import { expectConformance } from '../examples/support/conformance.ts';
import { repository } from '../kit/process.ts';
import { invalidHeaders, vectors } from '../vectors/vectors.ts';

const folder = mkdtempSync(join(tmpdir(), 'fronttcp-java-'));
const jar = join(folder, 'fronttcp.jar');

beforeAll(() => {
  const built = spawnSync('sh', [join(repository, 'examples/clients/java/build.sh'), folder], { encoding: 'utf8' });
  expect(built.stderr).toBe('');
});
afterAll(() => rmSync(folder, { recursive: true }));

const java = (port: number, userId = 'me') => ['java', '-jar', jar, '127.0.0.1', String(port), userId, 'you'] as const;

test('the Java client keeps to every clause', () => expectConformance(java));

test('the Java client replies to a message that asks, through a real gateway', () => expectReply(java));

test('a handler of the Java client that fails sends no reply, and is called again', () => expectAgain(java));

test('the Java decoder reads all vectors, and stops at a bad header', () => {
  const stream = Buffer.concat(vectors.map(({ hex }) => Buffer.from(hex, 'hex')));
  const lines = vectors.map(({ version, command_id, body }) => `${version} ${command_id} ${body}`);
  for (const { name, hex } of invalidHeaders) {
    const input = Buffer.concat([stream, Buffer.from(hex, 'hex'), stream]);
    const { stdout } = spawnSync('java', ['-jar', jar, '--decode'], { input, encoding: 'utf8' });
    expect(stdout.trimEnd().split('\n'), name).toEqual([...lines, 'invalid']);
  }
});
