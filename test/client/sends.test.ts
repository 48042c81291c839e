import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  ClosedError,
  OverloadedError,
  RefusedError,
  TimeoutError,
  TooLargeError,
  UnconfirmedError,
} from '../../sdk/client/errors.ts';
import { until } from '../kit/until.ts';
import { pair } from './dialogue.ts';

test('a send resolves with the id of its message, in whatever order the receipts come', async () => {
  const { client, peer } = await pair();
  const sends = [client.send('you', 'a'), client.sendToGroup(['you', 'them'], 'b'), client.broadcast('c')];
  const single = await peer.expect(2);
  const group = await peer.expect(3);
  const broadcast = await peer.expect(4);
  expect(single).toEqual({ chat_from: 'me', chat_to: 'you', chat_content: 'a', ref: single.ref });
  expect(group).toMatchObject({ chat_to: ['you', 'them'], chat_content: 'b' });
  expect(broadcast).toEqual({ chat_from: 'me', chat_content: 'c', ref: broadcast.ref });
  peer.write(110, { ref: broadcast.ref, id: '3' });
  peer.write(110, { ref: single.ref, id: '1' });
  peer.write(110, { ref: group.ref, id: '2' });
  expect(await Promise.all(sends)).toEqual(['1', '2', '3']);
});

test('a refused send rejects with the code of the server', async () => {
  const { client, peer } = await pair();
  const sending = client.sendToGroup(['a'], 'x');
  const { ref } = await peer.expect(3);
  peer.write(111, { error: 'too_many_recipients', message: 'at most 1000', ref });
  const error = await sending.catch((e: Error) => e);
  expect(error).toBeInstanceOf(RefusedError);
  expect(error).toMatchObject({ code: 'too_many_recipients', message: 'at most 1000' });
});

test('a refusal without a pending send is an event', async () => {
  const { client, peer } = await pair();
  const refused = once(client, 'refused');
  peer.write(111, { error: 'bad_frame', message: 'what?' });
  expect(await refused).toMatchObject([{ code: 'bad_frame' }]);
});

test('without receipts from the server a send resolves once it is written', async () => {
  const { client, peer } = await pair({}, { features: ['ack'] });
  expect(await client.send('you', 'x')).toBeUndefined();
  expect(await peer.expect(2)).toMatchObject({ chat_content: 'x' });
});

test('an application command resolves with its reply, matched by ref; other 2xxx are messages', async () => {
  const { client, peer } = await pair();
  const asking = client.command(1007, { question: 1 });
  const also = client.command(1007, { question: 2 });
  const first = await peer.expect(1007);
  const second = await peer.expect(1007);
  peer.write(2007, { pushed: true, id: '5', sent_at: 5 });
  peer.write(110, { ref: first.ref, id: '4' });
  peer.write(2007, { answer: 2, ref: second.ref });
  peer.write(2007, { answer: 1, ref: first.ref });
  expect(await asking).toEqual({ answer: 1 });
  expect(await also).toEqual({ answer: 2 });
  const { value } = await client[Symbol.asyncIterator]().next();
  expect(value).toMatchObject({ kind: 'application', body: { pushed: true } });
});

test('a posted application command resolves once it is accepted or replied to; another message with its ref does neither', async () => {
  const { client, peer } = await pair();
  const posted = client.post(1000, { telemetry: 21.5 });
  const { ref, ...sent } = await peer.expect(1000);
  expect(sent).toEqual({ telemetry: 21.5 });
  const asked = client.post(1007, {});
  const question = await peer.expect(1007);
  peer.write(2001, { ref });
  peer.write(2007, { ref: question.ref, answer: 1 });
  expect(await asked).toEqual({ answer: 1 });
  peer.write(110, { ref, id: '4' });
  expect(await posted).toBeUndefined();
  const { value } = await client[Symbol.asyncIterator]().next();
  expect(value).toMatchObject({ commandId: 2001 });
  await expect(client.post(2000, {})).rejects.toThrow(TypeError);
  await expect(client.post(1000, { ref: 'mine' })).rejects.toThrow('ref');
});

test('sends while disconnected wait, in order, and go out on the next connection', async () => {
  const { client, peer, scripted } = await pair();
  const disconnected = once(client, 'disconnected');
  peer.socket.destroy();
  await disconnected;
  const sends = ['a', 'b', 'c'].map((content) => client.send('you', content));
  const next = await scripted.accept();
  await next.verify();
  for (const content of ['a', 'b', 'c']) {
    const body = await next.expect(2);
    expect(body.chat_content).toBe(content);
    next.write(110, { ref: body.ref, id: content });
  }
  expect(await Promise.all(sends)).toEqual(['a', 'b', 'c']);
});

test('a send that was written and not confirmed is not sent again', async () => {
  const { client, peer, scripted } = await pair();
  const unconfirmed = client.send('you', 'pay 100').catch((e: Error) => e);
  const repeatable = client.send('you', 'state: on', { idempotent: true });
  await peer.expect(2);
  await peer.expect(2);
  peer.socket.destroy();
  expect(await unconfirmed).toBeInstanceOf(UnconfirmedError);
  const next = await scripted.accept();
  await next.verify();
  const again = await next.expect(2);
  expect(again.chat_content).toBe('state: on');
  next.write(110, { ref: again.ref, id: '7' });
  expect(await repeatable).toBe('7');
});

test('a send times out with an error that says whether it was written', async () => {
  const { client, peer, scripted } = await pair();
  const error = await client.send('you', 'x', { timeoutMs: 20 }).catch((e: Error) => e);
  expect(error).toBeInstanceOf(TimeoutError);
  expect(error).toMatchObject({ isWritten: true });
  scripted.server.close();
  peer.socket.destroy();
  await once(client, 'disconnected');
  const unwritten = await client.send('you', 'x', { timeoutMs: 20 }).catch((e: Error) => e);
  expect(unwritten).toMatchObject({ isWritten: false });
});

test('a time longer than a timer can hold does not end at once', async () => {
  const { client, peer, scripted } = await pair({
    connectTimeoutMs: Number.POSITIVE_INFINITY,
    verifyTimeoutMs: Number.POSITIVE_INFINITY,
    sendTimeoutMs: Number.POSITIVE_INFINITY,
    closeTimeoutMs: Number.POSITIVE_INFINITY,
    heartbeatIntervalMs: 2 ** 31,
  });
  client.onAsk(() => delay(50, 'slow'), { timeoutMs: Number.POSITIVE_INFINITY });
  const sending = client.send('you', 'x');
  const { ref } = await peer.expect(2);
  peer.write(102, { chat_from: 'op', chat_content: 'x', id: '1', sent_at: 1, ask: '1' });
  expect(await peer.expect(7)).toEqual({ ask: '1', reply: 'slow' });
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  const closing = client.close();
  await delay(50);
  expect(client.state).toBe('closing');
  peer.write(110, { ref, id: '9' });
  expect(await sending).toBe('9');
  await closing;
  expect(scripted.count).toBe(1);
});

test('a send is aborted by its signal', async () => {
  const { client } = await pair();
  const abort = new AbortController();
  const sending = client.send('you', 'x', { signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(sending).rejects.toThrow('enough');
});

test('one send too many is refused', async () => {
  const { client, peer } = await pair({ outboundLimit: 2 });
  const sends = [client.send('you', 'a'), client.send('you', 'b')];
  await expect(client.send('you', 'c')).rejects.toThrow(OverloadedError);
  for (const _ of sends) peer.write(110, { ref: (await peer.expect(2)).ref, id: '1' });
  await Promise.all(sends);
});

test('a frame that would make the server close the connection is not sent', async () => {
  const { client } = await pair({ maxFrameBytes: 1_000 });
  await expect(client.send('you', '你'.repeat(400))).rejects.toThrow(TooLargeError);
});

test('close waits for pending replies, then ends the socket', async () => {
  const { client, peer } = await pair();
  const sending = client.send('you', 'last words');
  const closing = client.close();
  await expect(client.send('you', 'too late')).rejects.toThrow(ClosedError);
  const { ref } = await peer.expect(2);
  expect(client.state).toBe('closing');
  peer.write(110, { ref, id: '1' });
  expect(await sending).toBe('1');
  await closing;
  await peer.ended;
  expect(client.state).toBe('closed');
});

test('close lets a listener finish and acknowledges its message', async () => {
  const { client, peer } = await pair();
  let finish: (() => void) | undefined;
  client.on('message', () => new Promise<void>((resolve) => (finish = resolve)));
  peer.message('1', 'a');
  await until('finish !== undefined', () => finish !== undefined);
  const closing = client.close();
  finish?.();
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  await closing;
});

test('close does not wait for ever', async () => {
  const { client } = await pair({ closeTimeoutMs: 30 });
  const sending = client.send('you', 'x').catch((e: Error) => e);
  await client.close();
  expect(await sending).toBeInstanceOf(Error);
});

test('close reads on behind a full queue, so that a pending send gets its answer', async () => {
  const { client, peer } = await pair({ inboundLimit: 1 });
  peer.message('1', 'a');
  await until('client.queued === 1', () => client.queued === 1);
  const sending = client.send('you', 'last words');
  const { ref } = await peer.expect(2);
  peer.write(110, { ref, id: '9' });
  const closing = client.close();
  expect(await sending).toBe('9');
  await closing;
});

test('a listener that calls close without awaiting it finishes, and its message is acknowledged', async () => {
  const { client, peer } = await pair();
  client.on('message', () => {
    void client.close();
  });
  peer.message('1', 'a');
  expect(await peer.expect(6)).toEqual({ ids: ['1'] });
  await peer.ended;
});
