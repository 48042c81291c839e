import { once } from 'node:events';
import { expect, test } from 'vitest';
import { connect } from '../../sdk/client/connect.ts';
import { TimeoutError, TooLargeError } from '../../sdk/client/errors.ts';
import { until } from '../kit/until.ts';
import { optionsFor, pair, server } from './dialogue.ts';

const asking = (id: string) => ({ chat_from: 'op', chat_content: 'x', id, sent_at: 1, ask: id });

test('a handler replies, and the message is acknowledged', async () => {
  const { client, peer } = await pair();
  client.onAsk((message) => ({ said: message.kind === 'application' ? message.body : message.content }));
  peer.write(102, { chat_from: 'op', chat_content: 'how warm', id: '1', sent_at: 1, ask: '9' });
  expect(await peer.expect(7)).toEqual({ ask: '9', reply: { said: 'how warm' } });
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  peer.write(2001, { level: 3, ask: '10', id: '2', sent_at: 1 });
  expect(await peer.expect(7)).toEqual({ ask: '10', reply: { said: { level: 3 } } });
});

test('an ask in the same segment as the 101 is replied to, and what is beside it waits for its reader', async () => {
  const scripted = await server();
  const connecting = connect(optionsFor(scripted));
  const peer = await scripted.accept();
  peer.socket.cork();
  await peer.verify();
  peer.write(102, asking('1'));
  peer.message('2', 'plain');
  peer.socket.uncork();
  const client = await connecting;
  await until('both are queued', () => client.queued === 2);
  client.onAsk(() => 'in time');
  expect(await peer.expect(7)).toEqual({ ask: '1', reply: 'in time' });
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  expect((await client[Symbol.asyncIterator]().next()).value).toMatchObject({ content: 'plain' });
  await client.close();
});

test('close lets a running handler reply, and starts none', async () => {
  const { client, peer } = await pair();
  const reply = Promise.withResolvers<string>();
  const asked: unknown[] = [];
  client.onAsk(({ ask }) => {
    asked.push(ask);
    return reply.promise;
  });
  peer.write(102, asking('1'));
  await until('the handler runs', () => asked.length === 1);
  const sending = client.send('you', 'last words');
  const closing = client.close();
  const { ref } = await peer.expect(2);
  peer.write(102, asking('2'));
  peer.write(110, { ref, id: '9' });
  expect(await sending).toBe('9');
  reply.resolve('done');
  expect(await peer.expect(7)).toEqual({ ask: '1', reply: 'done' });
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  await closing;
  await peer.ended;
  expect(asked).toEqual(['1']);
});

test('a message without an ask is delivered as usual, and an ask without a handler is an error', async () => {
  const { client, peer } = await pair();
  peer.write(102, { chat_from: 'op', chat_content: 'plain', id: '1', sent_at: 1 });
  peer.write(102, { chat_from: 'op', chat_content: 'ask', id: '2', sent_at: 1, ask: '2' });
  const iterator = client[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toMatchObject({ content: 'plain', ask: undefined });
  const { value: message } = await iterator.next();
  expect(message).toMatchObject({ content: 'ask', ask: '2' });
  if (message) client.reply(message, [1, null]);
  expect(await peer.expect(7)).toEqual({ ask: '2', reply: [1, null] });
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
});

test('a handler is run once for a message that comes twice, and again after it failed', async () => {
  const { client, peer } = await pair();
  let runs = 0;
  client.onAsk(() => {
    runs += 1;
    if (runs === 1) throw new Error('not ready');
    return runs;
  });
  const ask = asking('1');
  const failed = once(client, 'error');
  peer.write(102, ask);
  expect(await failed).toEqual([new Error('not ready')]);
  peer.write(102, ask);
  expect(await peer.expect(7)).toEqual({ ask: '1', reply: 2 });
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  peer.write(102, ask);
  expect(await peer.expect(7)).toEqual({ ask: '1', reply: 2 });
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  expect(runs).toBe(2);
});

test.each([
  ['takes too long', () => new Promise<never>(() => undefined), TimeoutError],
  ['returns more than a frame holds', () => 'x'.repeat(70_000), TooLargeError],
] as const)('a handler that %s sends no reply and raises an error event', async (_, handler, kind) => {
  const { client, peer } = await pair();
  client.onAsk(handler, { timeoutMs: 20 });
  const failed = once(client, 'error');
  peer.write(102, { chat_from: 'op', chat_content: 'x', id: '1', sent_at: 1, ask: '1' });
  expect((await failed)[0]).toBeInstanceOf(kind);
});

test('a reply that was ready while there was no connection is sent when its message comes again', async () => {
  const { client, peer, scripted } = await pair();
  const called = Promise.withResolvers<void>();
  const reply = Promise.withResolvers<string>();
  let runs = 0;
  client.onAsk(() => {
    runs += 1;
    called.resolve();
    return reply.promise;
  });
  peer.write(102, asking('1'));
  await called.promise;
  const disconnected = once(client, 'disconnected');
  peer.socket.destroy();
  await disconnected;
  reply.resolve('late');
  const next = await scripted.accept();
  await next.verify();
  next.write(102, asking('1'));
  expect(await next.expect(7)).toEqual({ ask: '1', reply: 'late' });
  expect(await next.expect(6)).toEqual({ ids: ['1'] });
  expect(runs).toBe(1);
});

test('a reply that was lost with its connection is sent again, and its handler is not called again', async () => {
  const { client, peer, scripted } = await pair();
  let runs = 0;
  client.onAsk(() => {
    runs += 1;
    return runs;
  });
  peer.write(102, asking('1'));
  expect(await peer.expect(7)).toEqual({ ask: '1', reply: 1 });
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  peer.socket.destroy();
  const next = await scripted.accept();
  await next.verify();
  next.write(102, asking('1'));
  expect(await next.expect(7)).toEqual({ ask: '1', reply: 1 });
  expect(await next.expect(6)).toEqual({ ids: ['1'] });
  expect(runs).toBe(1);
});

test('an explicit reply is sent again when its message comes again', async () => {
  const { client, peer, scripted } = await pair();
  peer.write(102, asking('1'));
  const iterator = client[Symbol.asyncIterator]();
  const { value: message } = await iterator.next();
  if (message) client.reply(message, 'by hand');
  expect(await peer.expect(7)).toEqual({ ask: '1', reply: 'by hand' });
  peer.socket.destroy();
  const next = await scripted.accept();
  await next.verify();
  next.write(102, asking('1'));
  expect(await next.expect(7)).toEqual({ ask: '1', reply: 'by hand' });
});

test('a handler is not called again while its reply is remembered, even if the id of the message is not', async () => {
  const { client, peer } = await pair({ rememberedIds: 1 });
  const asked: unknown[] = [];
  client.onAsk((message) => {
    asked.push(message.ask);
    return 'done';
  });
  for (const id of ['1', '2', '1']) {
    peer.write(102, asking(id));
    expect(await peer.expect(7)).toEqual({ ask: id, reply: 'done' });
    expect(await peer.expect(6)).toEqual({ ids: [id] });
  }
  expect(asked).toEqual(['1', '2']);
});

test('the newest hundred replies are remembered', async () => {
  const { client, peer } = await pair();
  client.onAsk(() => null);
  for (let id = 1; id <= 101; id += 1) {
    peer.write(102, asking(String(id)));
    await peer.expect(7);
    await peer.expect(6);
  }
  peer.write(102, asking('1'));
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  peer.write(102, asking('2'));
  expect(await peer.expect(7)).toEqual({ ask: '2', reply: null });
});
