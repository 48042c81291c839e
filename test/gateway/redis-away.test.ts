import { expect, onTestFinished, test } from 'vitest';
import { DEFAULT_LEASE_MS as LEASE_MS } from '../../shared/limits.ts';
import { chat, entry, gateway, type TestGateway } from '../kit/gateway.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { stopwatch } from '../kit/stopwatch.ts';
import { until } from '../kit/until.ts';

/** A Redis that this test may stop, and a gateway on it. It runs again before the gateway is stopped. */
async function own(env: NodeJS.ProcessEnv = {}): Promise<{ g: TestGateway; redis: TestRedis }> {
  const redis = await startTestRedis({ appendonly: true });
  onTestFinished(() => redis.stop());
  const g = await gateway(env, { redisUrl: redis.url });
  return { g, redis };
}

test('Redis stopped and started again: connections stay, verifies and sends wait and then succeed, /healthz stays 200', async () => {
  const { g, redis } = await own();
  const alice = await g.verified('alice', ['receipts']);
  const bob = await g.verified('bob', ['ack']);
  await g.users('carol', 'away');
  await redis.kill('SIGTERM');

  alice.send(2, { chat_to: 'bob', chat_content: 'sent meanwhile', ref: 1 });
  alice.send(2, { chat_to: 'away', chat_content: 'stored meanwhile', ref: 2 });
  const carol = await g.peer();
  carol.send(1, { phone_number: 'carol', token: 'token of carol' });
  const wrong = await g.peer();
  wrong.send(1, { phone_number: 'carol', token: 'wrong' });
  await until('the gateway has noticed', async () => (await g.metric('fronttcp_redis_errors_total')) > 3);
  expect(await g.health('/healthz')).toBe(200);
  for (const peer of [alice, bob, carol, wrong]) {
    peer.hasNothingMore();
    expect(peer.isClosed).toBe(false);
  }

  await redis.restart();
  const elapsedMs = stopwatch(redis.pid);
  await carol.receives(101, '{"code": 1}');
  await wrong.receives(101, '{"code": 0}');
  await bob.receives(102, expect.objectContaining(chat('alice', 'sent meanwhile')));
  await alice.receives(110, expect.objectContaining({ ref: 1 }));
  await alice.receives(110, expect.objectContaining({ ref: 2 }));
  await g.push(entry('pushed after', ['carol', 'alice']));
  await carol.receives(102, chat('p', 'pushed after'));
  await alice.receives(102, chat('p', 'pushed after'));
  const away = await g.verified('away');
  await away.receives(102, chat('alice', 'stored meanwhile'));
  expect(elapsedMs()).toBeLessThan(5_000);
  expect(await g.health('/readyz')).toBe(200);
  bob.hasNothingMore();
});

test('a fleet behind one address whose verifies wait for Redis is not limited', async () => {
  const { g, redis } = await own({ MAX_UNVERIFIED_PER_ADDRESS: '2' });
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  await g.users(...ids);
  await redis.kill('SIGSTOP');
  const fleet = await Promise.all(ids.map(async (id) => ({ id, peer: await g.peer() })));
  for (const { id, peer } of fleet) peer.send(1, { phone_number: id, token: `token of ${id}` });
  // Who says nothing is closed meanwhile: the time in which the others would have been, too, is over.
  const idle = await Promise.all([g.peer(), g.peer(), g.peer()]);
  await until('one too many is closed', () => idle.some(({ isClosed }) => isClosed), { timeoutMs: 15_000 });
  await redis.kill('SIGCONT');
  for (const { peer } of fleet) await peer.receives(101, '{"code": 1}');
});

test('a verify that waits too long for Redis ends with the connection, and leaves no session when Redis is back', async () => {
  const { g, redis } = await own({ AUTH_TIMEOUT_MS: '1500' });
  await g.users('late');
  // Before Redis hangs: AUTH_TIMEOUT_MS holds for this one, too.
  const next = await g.verified('next');
  await redis.kill('SIGSTOP');
  const late = await g.peer();
  late.send(1, { phone_number: 'late', token: 'token of late' });
  await late.isClosedSilently();
  await redis.kill('SIGCONT');
  next.send(2, { chat_to: 'late', chat_content: 'stored' });
  await until('it is stored', async () => (await g.mailbox('late')).length === 1);
  expect(await g.redis.command('SMEMBERS', g.keys.sessions(g.running.id))).toEqual(['next']);
});

test('scripts that Redis has forgotten are loaded again, and order holds', async () => {
  const { g } = await own();
  const client = await g.verified('u');
  await g.redis.command('SCRIPT', 'FLUSH');
  await g.push(entry('1', ['u']));
  await client.receives(102, chat('p', '1'));
  await g.redis.command('SCRIPT', 'FLUSH');
  client.send(2, { chat_to: 'u', chat_content: '2', ref: 1 });
  await client.receives(102, chat('u', '2'));
  await g.redis.command('SCRIPT', 'FLUSH');
  const newer = await g.verified('u');
  await g.push(entry('3', ['u']));
  await newer.receives(102, chat('p', '3'));
  await g.push(entry('4', ['u']));
  await newer.receives(102, chat('p', '4'));
});

test('Redis that is away for longer than the lease, and comes back: a live message arrives within 5 s of its return', {
  timeout: 60_000,
}, async () => {
  const { g, redis } = await own({ LEASE_MS: '1000' });
  const client = await g.verified('u');
  await redis.kill('SIGTERM');
  // Not the number of losses: on a busy machine one may have been lost before.
  await until('the lease is lost', async () => (await g.metric('fronttcp_lease_remaining_seconds')) === 0);
  const first = g.running.id;
  await redis.restart();
  const elapsedMs = stopwatch(redis.pid);
  await until('it has joined again', () => g.running.id !== first);
  await g.push(entry('after', ['u']));
  await client.receives(102, chat('p', 'after'));
  // The read of the old inbox, which waits for up to 5 s, holds up nothing: on an idle machine this takes half a second.
  expect(elapsedMs()).toBeLessThan(4_500);
});

test('Redis that hangs for longer than the lease: sessions resume by themselves, nothing is lost, nothing is delivered meanwhile', {
  timeout: 60_000,
}, async () => {
  const { g, redis } = await own();
  const plain = await g.verified('plain');
  const ack = await g.verified('ack', ['ack']);
  const first = g.running.id;
  await g.push(entry('before', ['plain', 'ack']));
  await plain.receives(102, chat('p', 'before'));
  await ack.receives(102);
  await redis.kill('SIGSTOP');
  plain.send(2, { chat_to: 'ack', chat_content: 'meanwhile' });
  ack.send(2, { chat_to: 'plain', chat_content: 'meanwhile, too' });
  // Not ready comes a moment earlier, when a late renewal may still save the lease.
  const isLost = async () => (await g.metric('fronttcp_lease_losses_total')) > 0;
  await until('the lease is lost', isLost, { timeoutMs: LEASE_MS + 20_000 });
  expect(await g.health('/readyz')).toBe(503);
  expect(await g.health('/healthz')).toBe(200);
  expect(plain.isClosed || ack.isClosed).toBe(false);
  await redis.kill('SIGCONT');
  const elapsedMs = stopwatch(redis.pid);
  await until('it has joined again', () => g.running.id !== first);
  await g.push(entry('after', ['plain', 'ack']));
  await until('plain has everything', () => plain.frames.length === 4);
  await until('ack has everything', () => ['before', 'meanwhile', 'after'].every((text) => has(ack, text)));
  expect(elapsedMs()).toBeLessThan(6_000);
  expect(plain.frames.slice(1).map(({ text }) => /"chat_content": "(.*)"/.exec(text)?.[1])).toEqual([
    'before',
    'meanwhile, too',
    'after',
  ]);
  expect(await g.redis.command('EXISTS', g.keys.inbox(first), g.keys.sessions(first))).toBe(0);
  await until('one lease is left', async () => (await g.redis.command('ZCARD', g.keys.gateways)) === 1);
});

function has(peer: { frames: readonly { text: string }[] }, content: string): boolean {
  return peer.frames.some(({ text }) => text.includes(`"chat_content": "${content}"`));
}

test('a gateway that starts while Redis is away is alive, not ready, and ready when Redis comes', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  await redis.kill('SIGTERM');
  const starting = gateway({}, { redisUrl: redis.url });
  await redis.restart();
  const g = await starting;
  const client = await g.verified('u');
  await g.push(entry('x', ['u']));
  await client.receives(102, chat('p', 'x'));
});
