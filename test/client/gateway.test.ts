import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { pipeline } from 'node:stream';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { FEATURES } from '../../contract/wire/command-ids.ts';
import type { Client } from '../../sdk/client/client.ts';
import { DismissedError, RefusedError, TokenRefusedError } from '../../sdk/client/errors.ts';
import type { ChatMessage } from '../../sdk/client/message.ts';
import { until } from '../kit/until.ts';
import { startClientGateway, type TestGateway } from './gateway.ts';
import { Peer } from './scripted-server.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startClientGateway();
});
afterAll(() => gateway.stop());

async function next(client: Client): Promise<ChatMessage> {
  for await (const message of client) {
    client.acknowledge(message);
    if (message.kind !== 'application') return message;
  }
  throw new Error('closed');
}

test('the gateway agrees to every feature', async () => {
  const client = await gateway.connect('features');
  expect(client.session).toMatchObject({ features: [...FEATURES], lost: 0, heartbeatTimeoutMs: 90_000 });
});

test('a message goes from one user to another, and its receipt has its id', async () => {
  const [alice, bob] = [await gateway.connect('alice'), await gateway.connect('bob')];
  const id = await alice.send('bob', '你好, bob');
  expect(await next(bob)).toMatchObject({ kind: 'single', from: 'alice', content: '你好, bob', id });
});

test('a group and everyone are reached', async () => {
  const clients = await Promise.all(['g1', 'g2', 'g3'].map((userId) => gateway.connect(userId)));
  const [sender, ...others] = clients as [Client, Client, Client];
  await sender.sendToGroup(['g2', 'g3'], 'both');
  for (const other of others) expect(await next(other)).toMatchObject({ kind: 'group', content: 'both' });
  await sender.broadcast('all');
  for (const client of clients) expect(await next(client)).toMatchObject({ kind: 'broadcast', content: 'all' });
});

test('a thousand messages come in order, each once', async () => {
  const [sender, receiver] = [await gateway.connect('s1000'), await gateway.connect('r1000')];
  const ids = await Promise.all(Array.from({ length: 1_000 }, (_, n) => sender.send('r1000', String(n))));
  expect(new Set(ids).size).toBe(1_000);
  for (let n = 0; n < 1_000; n += 1) expect((await next(receiver)).content).toBe(String(n));
});

test('exactly the unacknowledged messages come again on the next connection', async () => {
  const first = await gateway.connect('again');
  for (const content of ['taken', 'not taken']) {
    await gateway.push({ command_id: 102, chat_from: 'q', chat_to: ['again'], chat_content: content });
  }
  expect((await next(first)).content).toBe('taken');
  await until('the other one is here', () => first.queued === 1);
  await first.close();
  const second = await gateway.connect('again');
  expect((await next(second)).content).toBe('not taken');
});

test('messages sent while the user was offline wait in the mailbox', async () => {
  await gateway.token('away');
  const sender = await gateway.connect('s-away');
  const ids = [await sender.send('away', 'one'), await sender.send('away', 'two')];
  const receiver = await gateway.connect('away');
  expect([(await next(receiver)).id, (await next(receiver)).id]).toEqual(ids);
});

test('a plain client gets the bare form', async () => {
  const plain = await gateway.connect('plain', { features: [] });
  const sender = await gateway.connect('s-plain');
  await sender.send('plain', 'hello');
  expect(await next(plain)).toMatchObject({ from: 's-plain', content: 'hello', id: undefined, sentAt: undefined });
  expect(await plain.send('s-plain', 'back')).toBeUndefined();
  expect((await next(sender)).content).toBe('back');
});

test('a wrong token is refused', async () => {
  await gateway.token('stranger');
  await expect(gateway.connect('stranger', { token: 'wrong' })).rejects.toThrow(TokenRefusedError);
});

test('an application command without an upstream is refused, and the connection stays', async () => {
  const client = await gateway.connect('device');
  const error = await client.command(1000, { celsius: 21 }).catch((e: Error) => e);
  expect(error).toBeInstanceOf(RefusedError);
  expect(error).toMatchObject({ code: 'no_upstream' });
  expect(client.state).toBe('verified');
});

test('too many recipients are refused with the reason', async () => {
  const client = await gateway.connect('crowd');
  const crowd = Array.from({ length: 1_001 }, (_, n) => `u${n}`);
  await expect(client.sendToGroup(crowd, 'x')).rejects.toMatchObject({ code: 'too_many_recipients' });
});

test('each heartbeat gets a reply, with the version of its frame', async () => {
  const peer = new Peer(createConnection(gateway.port, '127.0.0.1'));
  peer.write(1, { phone_number: 'beating', token: await gateway.token('beating'), features: ['pong'] });
  await peer.expect(101);
  for (const version of [7, 8, 9]) peer.write(5, undefined, version);
  for (const version of [7, 8, 9]) expect(await peer.read()).toEqual({ version, commandId: 105, body: '' });
  peer.socket.destroy();
});

test('a newer connection of the same user closes the older one, which does not come back', async () => {
  const token = await gateway.token('twice');
  const older = await gateway.connect('twice', { token });
  const closed = once(older, 'closed');
  const newer = await gateway.connect('twice', { token });
  expect((await closed)[0]).toBeInstanceOf(DismissedError);
  expect(newer.state).toBe('verified');
});

test('a gateway that stops says goodbye, and its client comes back to another, with nothing lost', async () => {
  const leaving = await gateway.another();
  // As a load balancer does: the same address, another gateway behind it.
  let target = leaving.port;
  const balancer = createServer((socket) => {
    const onward = createConnection(target, '127.0.0.1');
    pipeline(socket, onward, socket, () => undefined);
  });
  balancer.listen(0, '127.0.0.1');
  await once(balancer, 'listening');
  onTestFinished(() => {
    balancer.close();
  });
  const { port } = balancer.address() as AddressInfo;
  const mover = await leaving.connect('mover', { port });
  const goodbye = once(mover, 'goodbye');
  const verified = once(mover, 'verified');
  target = gateway.port;
  const stopping = leaving.stop();
  expect((await goodbye)[0]).toMatchObject({ reason: 'draining' });
  const sender = await gateway.connect('s-mover');
  const id = await sender.send('mover', 'where are you?');
  await verified;
  expect(await next(mover)).toMatchObject({ content: 'where are you?', id });
  await stopping;
});
