import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { server } from '../client/dialogue.ts';
import { repository } from '../kit/process.ts';
import { invalidHeaders, vectors } from '../vectors/vectors.ts';
import { expectNothingBehindATornFrame } from './support/broken.ts';
import { expectConformance } from './support/conformance.ts';
import { type CommandLine, Program } from './support/program.ts';

/** The sketch for ESP32, compiled against the part of the Arduino core in test/examples/arduino. */
const folder = mkdtempSync(join(tmpdir(), 'fronttcp-esp32-'));
const sketch = join(folder, 'sketch');
const start = (port: number): CommandLine => ['env', `FRONTTCP_PORT=${port}`, sketch];

function compile(...options: string[]): void {
  const { stderr } = spawnSync(
    'g++',
    [
      ...['-std=c++17', '-O1', '-g', '-Wall', '-Wextra', '-Werror'],
      ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
      ...[`-I${join(repository, 'test/examples/arduino')}`, `-I${join(repository, 'examples/clients/esp32')}`],
      ...[...options, join(repository, 'test/examples/arduino/main.cpp')],
    ],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
}

beforeAll(() => compile('-o', sketch), 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

test(
  'the ESP32 client keeps to every clause, and skips what is larger than 4,096 bytes',
  () => expectConformance(start),
  240_000,
);

test('it sends nothing behind a frame that was sent in part', () =>
  expectNothingBehindATornFrame((port) => [...start(port), '--send']));

test('it sends a lost reply again, and does not call its handler again', async () => {
  const scripted = await server();
  new Program(start(scripted.port), 'any', { FRONTTCP_BACKOFF_MAX_MS: '5' });
  const asked = { chat_from: 'x', chat_content: 'asked', id: '100', sent_at: 1, ask: '100' };
  const peer = await scripted.accept();
  await peer.verify({ lost: 0 });
  peer.write(102, asked);
  const reply = await peer.expect(7);
  expect(await peer.expect(6)).toEqual({ ids: ['100'] });
  // Its handler would return another uptime now.
  peer.socket.destroy();
  const next = await scripted.accept();
  await next.verify({ lost: 0 });
  next.write(102, asked);
  expect(await next.expect(7)).toEqual(reply);
  expect(await next.expect(6)).toEqual({ ids: ['100'] });
});

test('it compiles with TLS', () => compile('-fsyntax-only', '-DFRONTTCP_TLS=1'), 120_000);

test('its decoder reads all vectors, in pieces of every size, and stops at a bad header', () => {
  const decoder = join(folder, 'decoder');
  compile('-DFRONTTCP_MAX_FRAME_BYTES=65536', '-o', decoder);
  const stream = Buffer.concat(vectors.map(({ hex }) => Buffer.from(hex, 'hex')));
  const lines = vectors.map(({ version, command_id, body }) => `${version} ${command_id} ${body}`);
  for (const size of [1, 7, 13, 4_096, stream.length]) {
    const out = spawnSync('sh', ['-c', `dd bs=${size} 2>/dev/null | "$0" --decode`, decoder], { input: stream });
    expect(String(out.stdout).trimEnd().split('\n'), `pieces of ${size}`).toEqual(lines);
  }
  // A length of 65,537 is skipped, not refused: it may be a message that is too large for this device.
  for (const { name, hex } of invalidHeaders.filter((header) => !header.name.includes('65,537'))) {
    const input = Buffer.concat([stream, Buffer.from(hex, 'hex'), stream]);
    const { stdout } = spawnSync(decoder, ['--decode'], { input, encoding: 'utf8' });
    expect(stdout.trimEnd().split('\n'), name).toEqual([...lines, 'invalid']);
  }
}, 120_000);
