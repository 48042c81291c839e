import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { Message } from '../../sdk/client/message.ts';
import { until } from '../kit/until.ts';
import { pair } from './dialogue.ts';

test('messages come with sender, content, id and time, whatever their kind', async () => {
  const { client, peer } = await pair();
  peer.write(102, { chat_from: 'a', chat_content: '你好', id: '1024000', sent_at: 1000 }, 7);
  peer.write(103, { chat_from: 'b', chat_content: 'text', id: '1024001', sent_at: 1000 });
  peer.write(104, { chat_from: 'c', chat_content: 'all', id: '1024002', sent_at: 1000 });
  peer.write(2001, { level: 3, id: '1024003', sent_at: 1000 });
  const sentAt = new Date(1000);
  const iterator = client[Symbol.asyncIterator]();
  const read = async () => (await iterator.next()).value;
  expect(await read()).toEqual({
    kind: 'single',
    commandId: 102,
    version: 7,
    from: 'a',
    content: '你好',
    id: '1024000',
    sentAt,
  });
  expect(await read()).toMatchObject({ kind: 'group', from: 'b', content: 'text' });
  expect(await read()).toMatchObject({ kind: 'broadcast', from: 'c' });
  expect(await read()).toEqual({
    kind: 'application',
    commandId: 2001,
    version: 1100,
    body: { level: 3 },
    id: '1024003',
    sentAt,
  });
});

test('messages in the same segment as the 101 are not lost before a listener is added', async () => {
  const { client, peer } = await pair();
  peer.message('1', 'early');
  await until('client.queued === 1', () => client.queued === 1);
  const [message] = (await once(client, 'message')) as [Message];
  expect(message).toMatchObject({ content: 'early' });
});

test('a loop acknowledges a message when it takes the next one', async () => {
  const { client, peer } = await pair();
  for (const id of ['1', '2', '3']) peer.message(id, id);
  const iterator = client[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.next();
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  await iterator.next();
  expect(await peer.expect(6)).toEqual({ ids: ['2'] });
});

test('leaving the loop leaves its last message to the next reader, unless it was acknowledged by hand', async () => {
  const { client, peer } = await pair();
  for (const id of ['1', '2']) peer.message(id, id);
  for await (const message of client) {
    expect(message.id).toBe('1');
    break;
  }
  for await (const message of client) {
    expect(message.id).toBe('1');
    client.acknowledge(message);
    break;
  }
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  for await (const message of client) {
    expect(message.id).toBe('2');
    break;
  }
});

test('a listener acknowledges when its promise resolves, one message after the other', async () => {
  const { client, peer } = await pair();
  const begun: string[] = [];
  const releases: (() => void)[] = [];
  client.on('message', async (message) => {
    begun.push(String(message.id));
    await new Promise<void>((resolve) => releases.push(resolve));
  });
  peer.message('1', 'a');
  peer.message('2', 'b');
  await until('releases.length === 1', () => releases.length === 1);
  expect(begun).toEqual(['1']);
  releases[0]?.();
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  await until('releases.length === 2', () => releases.length === 2);
  releases[1]?.();
  expect(await peer.expect(6)).toEqual({ ids: ['2'] });
});

test('a listener that fails leaves its message unacknowledged, with an error event', async () => {
  const { client, peer, scripted } = await pair();
  const failed = once(client, 'error').then(([error]) => error);
  let attempts = 0;
  client.on('message', (message) => {
    if (message.id !== '1') return;
    attempts += 1;
    if (attempts === 1) throw new Error('disk full');
  });
  peer.message('1', 'a');
  peer.message('2', 'b');
  expect(await failed).toMatchObject({ message: 'disk full' });
  expect(await peer.expect(6)).toEqual({ ids: ['2'] });
  peer.socket.destroy();
  const next = await scripted.accept();
  await next.verify();
  next.message('1', 'a');
  expect(await next.expect(6)).toEqual({ ids: ['1'] });
});

test('a duplicate is delivered once, over a reconnection too, and acknowledged again', async () => {
  const { client, peer, scripted } = await pair();
  const contents: unknown[] = [];
  client.on('message', (message) => {
    if (message.kind !== 'application') contents.push(message.content);
  });
  peer.message('1', 'once');
  peer.message('1', 'once');
  await peer.expect(6);
  peer.socket.destroy();
  const next = await scripted.accept();
  await next.verify();
  next.message('1', 'once');
  next.message('2', 'new');
  const ids: unknown[] = [];
  while (ids.length < 2) ids.push(...((await next.expect(6)).ids as string[]));
  expect(ids).toEqual(['1', '2']);
  expect(contents).toEqual(['once', 'new']);
});

test('ids are remembered up to a bound', async () => {
  const { client, peer } = await pair({ rememberedIds: 2 });
  const ids: string[] = [];
  client.on('message', (message) => {
    ids.push(String(message.id));
  });
  for (const id of ['1', '2', '3']) peer.message(id, id);
  await until('ids.length === 3', () => ids.length === 3);
  for (const id of ['3', '2', '1']) peer.message(id, id);
  await until('ids.length === 4', () => ids.length === 4);
  expect(ids).toEqual(['1', '2', '3', '1']);
});

test('a slow application pauses the socket at the bound, and loses nothing', async () => {
  const { client, peer } = await pair({ inboundLimit: 10, heartbeatIntervalMs: 5, missedHeartbeats: 2 });
  const count = 20_000;
  const content = 'x'.repeat(1_000);
  for (let id = 1; id <= count; id += 1) peer.message(String(id), content);
  await until('client.queued === 10', () => client.queued === 10);
  // 20 MB are more than the socket buffers of both sides hold, and heartbeats go unanswered meanwhile.
  expect(peer.socket.writableLength).toBeGreaterThan(1_000_000);
  let expected = 1;
  for await (const message of client) {
    expect(message.id).toBe(String(expected));
    expect(client.queued).toBeLessThanOrEqual(10);
    if (expected === count) break;
    expected += 1;
  }
});

test('a client that only sends neither keeps nor acknowledges messages', async () => {
  const { client, peer } = await pair({ receive: false });
  peer.message('1', 'a');
  const sending = client.send('you', 'x');
  const { ref } = await peer.expect(2);
  peer.write(110, { ref, id: '9' });
  expect(await sending).toBe('9');
  expect(client.queued).toBe(0);
});

test('a frame as large as MAX_FRAME_BYTES can be set arrives, and the next one on the same connection', async () => {
  const { client, peer } = await pair({ reconnect: false });
  const large = 'x'.repeat(2 * 1024 * 1024);
  peer.message('1', large);
  peer.message('2', 'next');
  const iterator = client[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toMatchObject({ content: large });
  expect((await iterator.next()).value).toMatchObject({ content: 'next' });
});

test('unknown commands of a newer server are ignored, and an invalid body is an error event', async () => {
  const { client, peer } = await pair();
  const malformed = once(client, 'malformed');
  peer.write(199, { whatever: true });
  peer.write(999);
  peer.write(102, 'no object');
  peer.message('1', 'still here');
  const iterator = client[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toMatchObject({ content: 'still here' });
  expect(await malformed).toEqual([102, '"no object"']);
});
