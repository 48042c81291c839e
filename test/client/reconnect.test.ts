import { once } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { backoffMs } from '../../sdk/client/backoff.ts';
import { DismissedError, UnreachableError } from '../../sdk/client/errors.ts';
import { until } from '../kit/until.ts';
import { pair, QUICK } from './dialogue.ts';

test('reconnects by itself, with an event for each step', async () => {
  const { client, peer, scripted } = await pair();
  const reported: string[] = [];
  client.on('disconnected', (cause) => reported.push(`disconnected ${cause.name}`));
  client.on('reconnecting', (attempt) => reported.push(`reconnecting ${attempt}`));
  client.on('verified', (session) => reported.push(`verified ${session.lost}`));
  peer.socket.destroy();
  await (await scripted.accept()).verify({ lost: 2 });
  await until('reported.length === 3', () => reported.length === 3);
  expect(reported).toEqual(['disconnected UnreachableError', 'reconnecting 1', 'verified 2']);
});

test('waits for the time that a goodbye gives', async () => {
  const { client, peer, scripted } = await pair({ reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } });
  const goodbye = once(client, 'goodbye');
  const reconnecting = once(client, 'reconnecting');
  peer.write(112, { reason: 'draining', reconnect_after_ms: 25 });
  expect(await goodbye).toEqual([{ reason: 'draining', reconnectAfterMs: 25 }]);
  const atMs = performance.now();
  peer.socket.end();
  expect((await reconnecting).slice(0, 2)).toEqual([1, 25]);
  await (await scripted.accept()).verify();
  expect(performance.now() - atMs).toBeGreaterThanOrEqual(20);
});

test('nothing is sent after a goodbye: it waits for the next connection', async () => {
  const { client, peer, scripted } = await pair();
  const goodbye = once(client, 'goodbye');
  peer.write(112, { reason: 'draining', reconnect_after_ms: 1 });
  await goodbye;
  const sending = client.send('you', 'x');
  peer.socket.end();
  const next = await scripted.accept();
  await next.verify();
  const { ref } = await next.expect(2);
  next.write(110, { ref, id: '1' });
  expect(await sending).toBe('1');
});

test.each(['taken_over', 'logged_out'])(
  'after %s it does not reconnect, and the loop throws the cause',
  async (reason) => {
    const { client, peer, scripted } = await pair();
    const closed = once(client, 'closed');
    const loop = (async () => {
      for await (const message of client) expect(message).toBeUndefined();
    })();
    peer.write(112, { reason, reconnect_after_ms: 1 });
    peer.socket.end();
    expect(await closed).toMatchObject([{ reason }]);
    await expect(loop).rejects.toThrow(DismissedError);
    expect(client.state).toBe('closed');
    expect(scripted.count).toBe(1);
  },
);

test('a server that vanished is found by its silence', async () => {
  const { client, peer, scripted } = await pair({ heartbeatIntervalMs: 10, missedHeartbeats: 3 });
  const disconnected = once(client, 'disconnected');
  for (let beats = 0; beats < 3; beats += 1) await peer.expect(5);
  const [cause] = await disconnected;
  expect(cause).toBeInstanceOf(UnreachableError);
  expect(cause).toMatchObject({ message: expect.stringContaining('3 heartbeats') });
  await (await scripted.accept()).verify();
});

test('any frame counts as a sign of life', async () => {
  const { client, peer, scripted } = await pair({ heartbeatIntervalMs: 10, missedHeartbeats: 2 });
  client.on('message', () => undefined);
  for (let beats = 0; beats < 10; beats += 1) {
    let frame = await peer.read();
    while (frame.commandId !== 5) frame = await peer.read();
    if (beats % 2 === 0) peer.write(105);
    else peer.message(String(beats), 'hello');
  }
  expect(scripted.count).toBe(1);
});

test('the parts of a frame are signs of life, before the whole of it', async () => {
  const { client, peer, scripted } = await pair({ heartbeatIntervalMs: 10, missedHeartbeats: 2 });
  const frame = encodeFrame(1100, 102, JSON.stringify({ chat_from: 'a', chat_content: 'x'.repeat(10), id: '1' }));
  for (let at = 0; at < 8; at += 1) {
    await peer.expect(5);
    peer.socket.write(frame.subarray(at, at + 1));
  }
  peer.socket.write(frame.subarray(8));
  const iterator = client[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toMatchObject({ id: '1' });
  expect(scripted.count).toBe(1);
});

test("at least three heartbeats fit into the server's heartbeat timeout", async () => {
  const { peer } = await pair({}, { heartbeat_timeout_ms: 60 });
  const start = performance.now();
  await peer.expect(5);
  expect(performance.now() - start).toBeLessThan(2_000);
});

test('a silent server without the pong feature is not taken for dead', async () => {
  const { peer, scripted } = await pair({ heartbeatIntervalMs: 2, missedHeartbeats: 1 }, { features: ['ack'] });
  for (let beats = 0; beats < 20; beats += 1) await peer.expect(5);
  expect(scripted.count).toBe(1);
});

test('gives up after the attempts it was given', async () => {
  const { client, peer, scripted } = await pair({ reconnect: { ...QUICK, maxAttempts: 2 } });
  const closed = once(client, 'closed');
  scripted.server.close();
  peer.socket.destroy();
  expect((await closed)[0]).toBeInstanceOf(UnreachableError);
});

test('does not reconnect with reconnect: false', async () => {
  const { client, peer, scripted } = await pair({ reconnect: false });
  const closed = once(client, 'closed');
  peer.socket.destroy();
  expect((await closed)[0]).toBeInstanceOf(UnreachableError);
  expect(scripted.count).toBe(1);
});

test('close while it waits to come back ends at once', async () => {
  const { client, peer, scripted } = await pair({ reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } });
  const reconnecting = once(client, 'reconnecting');
  peer.write(112, { reason: 'draining', reconnect_after_ms: 60_000 });
  peer.socket.end();
  await reconnecting;
  expect(client.state).toBe('waiting');
  const start = performance.now();
  await client.close();
  expect(performance.now() - start).toBeLessThan(1_000);
  expect(scripted.count).toBe(1);
});

test('connections that end early back off, even if each was verified', async () => {
  const { client, peer, scripted } = await pair({ reconnect: { ...QUICK, lastingMs: 60_000 } });
  const attempts: number[] = [];
  client.on('reconnecting', (attempt) => attempts.push(attempt));
  peer.socket.destroy();
  for (let connection = 0; connection < 3; connection += 1) {
    const next = await scripted.accept();
    await next.verify();
    next.socket.destroy();
  }
  await until('attempts.length >= 4', () => attempts.length >= 4);
  expect(attempts.slice(0, 4)).toEqual([1, 2, 3, 4]);
});

test('the wait is anywhere from nothing to a bound that doubles up to its limit', () => {
  const policy = { minDelayMs: 500, maxDelayMs: 30_000, maxAttempts: 9, lastingMs: 1, fromStart: false };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0, max: 0.999999, noNaN: true }), (n, chance) => {
      const ms = backoffMs(policy, n, () => chance);
      return Number.isInteger(ms) && ms >= 0 && ms <= Math.min(30_000, 500 * 2 ** (n - 1));
    }),
  );
  expect([1, 2, 3, 7, 8, 500].map((n) => backoffMs(policy, n, () => 0.999999))).toEqual([
    500, 1000, 2000, 30_000, 30_000, 30_000,
  ]);
});
