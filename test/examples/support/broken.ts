import { expect } from 'vitest';
import { server } from '../../client/dialogue.ts';
import { until } from '../../kit/until.ts';
import { type CommandLine, Program } from './program.ts';

type Start = (port: number) => CommandLine;

/**
 * The program sends large frames until one fails, prints {"sent":false}, sends once more after a line of input, and prints whether that was sent.
 * The server reads nothing until the first one has failed.
 */
export async function expectNothingBehindATornFrame(start: Start): Promise<void> {
  const scripted = await server();
  const program = new Program(start(scripted.port), 'any');
  const peer = await scripted.accept();
  const chunks: Buffer[] = [];
  peer.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await peer.verify({ lost: 0 });
  peer.socket.pause();
  expect(await program.message()).toEqual({ sent: false });
  peer.socket.resume();
  program.type('');
  expect(await program.message()).toEqual({ sent: false });
  await peer.ended;
  const stream = Buffer.concat(chunks);
  let at = 0;
  while (at + 12 <= stream.length && at + stream.readUInt32BE(at) <= stream.length) at += stream.readUInt32BE(at);
  // A header has zeros, a body has none.
  expect(stream.subarray(at + 12).includes(0)).toBe(false);
  expect(stream.includes('behind')).toBe(false);
}

/** The connection is reset while the program sends the lines of its input. It comes back and goes on, to the last line, which has no newline. */
export async function expectLinesAfterAReset(start: Start): Promise<void> {
  const scripted = await server();
  const program = new Program(start(scripted.port), 'any', { FRONTTCP_BACKOFF_MAX_MS: '5' });
  const peer = await scripted.accept();
  await peer.verify({ lost: 0 });
  peer.socket.pause();
  // More than the buffers of the two sockets hold.
  const lines = Array.from({ length: 3_500 }, (_, line) => `${line} ${'x'.repeat(4_000)}`);
  // Many lines in one write: the program reads several at a time.
  for (let at = 0; at < lines.length; at += 100) program.type(lines.slice(at, at + 100).join('\n'));
  let before = 0;
  const isBlocked = (): boolean => {
    const left = program.child.stdin.writableLength;
    const isSame = left === before;
    before = left;
    return isSame;
  };
  await until('its send is blocked', isBlocked, { everyMs: 200 });
  peer.socket.resetAndDestroy();
  const ended = program.exited.then((code) => Promise.reject(new Error(`it ended with ${code}`)));
  const next = await Promise.race([scripted.accept(), ended]);
  await next.verify({ lost: 0 });
  // Not UTF-8.
  program.child.stdin.end(Buffer.from('3500 last \xff', 'latin1'));
  let content = '';
  for (let expected = -1; expected <= 3_500; expected++) {
    content = String((await next.expect(2)).chat_content);
    const line = Number.parseInt(content, 10);
    if (expected < 0) expected = line;
    expect(line).toBe(expected);
  }
  expect(content).toBe('3500 last \ufffd');
}

/** The gateway drops what comes before the verify is accepted: until then a send fails. */
export async function expectNoSendBeforeTheVerdict(start: Start): Promise<void> {
  const scripted = await server();
  const program = new Program(start(scripted.port), 'any', { FRONTTCP_BACKOFF_MAX_MS: '5' });
  const first = await scripted.accept();
  await first.verify({ lost: 0 });
  await program.says('verified');
  first.socket.destroy();
  const peer = await scripted.accept();
  await peer.expect(1);
  program.type('early');
  const frame = peer.read();
  const result = await Promise.race([program.says('not sent'), frame]);
  expect(result).toEqual(expect.stringContaining('not sent'));
  peer.write(101, { code: 1, lost: 0 });
  await program.says('verified');
  program.type('late');
  expect(JSON.parse((await frame).body)).toMatchObject({ chat_content: 'late' });
}
