import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { chat, entry, gateway } from '../kit/gateway.ts';
import { startTestRedis } from '../kit/redis.ts';
import { stopwatch } from '../kit/stopwatch.ts';
import { startStoreProxy } from '../kit/store-proxy.ts';
import { until } from '../kit/until.ts';

/** docs/runbook.md: everything works again within this time. */
const BACK_MS = 5_000;

async function ownRedis() {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  return redis;
}

async function throughProxy() {
  const redis = await ownRedis();
  const proxy = await startStoreProxy(redis.port);
  onTestFinished(() => proxy.close());
  return { proxy, redis, g: await gateway({}, { redisUrl: proxy.url }) };
}

test('a store whose connections stop answering without closing: everything works again within 5 s, clients stay', async () => {
  const { proxy, redis, g } = await throughProxy();
  const alice = await g.verified('alice', ['receipts']);
  const bob = await g.verified('bob', ['ack']);
  const first = g.running.id;
  proxy.swallow();
  const elapsedMs = stopwatch(redis.pid);
  alice.send(2, { chat_to: 'bob', chat_content: 'meanwhile', ref: 1 });
  await g.users('carol');
  const carol = await g.peer();
  carol.send(1, { phone_number: 'carol', token: 'token of carol' });
  await g.push(entry('pushed', ['alice', 'carol']));
  await carol.receives(101, '{"code": 1}');
  await until('alice has both', () => alice.frames.length === 3);
  expect(
    alice.frames
      .slice(1)
      .map(({ commandId }) => commandId)
      .sort(),
  ).toEqual([102, 110]);
  await bob.receives(102, expect.objectContaining(chat('alice', 'meanwhile')));
  expect(elapsedMs()).toBeLessThan(BACK_MS);
  // The lease outlasts it: nobody has to resume.
  expect(g.running.id).toBe(first);
  expect([alice.isClosed, bob.isClosed]).toEqual([false, false]);
});

test('a store whose connection is cut in the middle of a reply: the call is repeated, once', async () => {
  const { proxy, g } = await throughProxy();
  const alice = await g.verified('alice', ['receipts']);
  await g.users('away');
  proxy.cutInReply(1);
  for (const ref of [1, 2, 3]) alice.send(2, { chat_to: 'away', chat_content: `no. ${ref}`, ref });
  for (const ref of [1, 2, 3]) await alice.receives(110, expect.objectContaining({ ref }));
  const away = await g.verified('away');
  for (const ref of [1, 2, 3]) await away.receives(102, chat('alice', `no. ${ref}`));
  away.hasNothingMore();
});

test('a slow store is not taken for a silent one: its connections stay', async () => {
  const { proxy, redis, g } = await throughProxy();
  const alice = await g.verified('alice', ['receipts']);
  proxy.delay(400);
  const startedAt = performance.now();
  const elapsedMs = stopwatch(redis.pid);
  for (const ref of [1, 2, 3]) {
    alice.send(2, { chat_to: 'alice', chat_content: `no. ${ref}`, ref });
    await alice.receives(110, expect.objectContaining({ ref }));
  }
  const reconnects = await g.metric('fronttcp_redis_reconnects_total');
  const starvedMs = performance.now() - startedAt - elapsedMs();
  // Silence is two seconds: only a machine that stood still for the most of them makes one.
  expect(reconnects).toBeLessThanOrEqual(Math.floor(starvedMs / 1_000));
});

test('a full store: leases, verify, delivery and acknowledgement go on, new messages wait until memory is free', async () => {
  const redis = await ownRedis();
  const g = await gateway({}, { redisUrl: redis.url });
  const alice = await g.verified('alice', ['receipts']);
  const plain = await g.verified('plain');
  await g.users('away', 'carol');
  await g.push(entry('stored', ['away']));
  await until('it is stored', async () => (await g.mailbox('away')).length === 1);
  const first = g.running.id;
  const renewedAt = async () => Number(await g.redis.command('HGET', `${g.keys.prefix}gateway:${first}`, 'renewed_at'));

  // Every kind that is at work in Redis has been there once: it is full from here on.
  await g.redis.command('CONFIG', 'SET', 'maxmemory', '1');
  const before = await renewedAt();
  // Good and wrong tokens, and what was stored is delivered and acknowledged.
  const away = await g.peer();
  await away.verify('away', { features: ['ack'] });
  const { body } = await away.receives(102, expect.objectContaining(chat('p', 'stored')));
  away.send(6, { ids: [(body as { id: string }).id] });
  await until('it is acknowledged', async () => (await g.mailbox('away')).length === 0);
  const carol = await g.peer();
  carol.send(1, { phone_number: 'carol', token: 'wrong' });
  await carol.receives(101, '{"code": 0}');
  carol.send(1, { phone_number: 'carol', token: 'token of carol' });
  await carol.receives(101, '{"code": 1}');
  // A session ends.
  plain.socket.destroy();
  await until('it is released', async () => (await g.redis.command('HGET', g.keys.user('plain'), 'gateway')) === null);
  // A new message waits.
  alice.send(2, { chat_to: 'plain', chat_content: 'new', ref: 1 });
  await until('the lease is renewed', async () => (await renewedAt()) > before);
  expect(g.running.id).toBe(first);
  alice.hasNothingMore();

  await g.redis.command('CONFIG', 'SET', 'maxmemory', '0');
  await alice.receives(110, expect.objectContaining({ ref: 1 }));
  const again = await g.verified('plain');
  await again.receives(102, chat('alice', 'new'));
  expect(await g.metric('fronttcp_lease_losses_total')).toBe(0);
});

test('a rotated password: calls wait, no token is refused, and the new file is read without a restart', async () => {
  const redis = await ownRedis();
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-password-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'password');
  await writeFile(file, 'first\n');
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  const rotate = async (password: string) => {
    await admin.config('SET', 'requirepass', password);
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  };
  await rotate('first');
  const g = await gateway({ REDIS_PASSWORD_FILE: file }, { redisUrl: redis.url });
  const alice = await g.verified('alice', ['receipts']);
  await g.users('bob');
  const errors = await g.metric('fronttcp_redis_errors_total');

  await rotate('second');
  const bob = await g.peer();
  bob.send(1, { phone_number: 'bob', token: 'token of bob' });
  alice.send(2, { chat_to: 'bob', chat_content: 'meanwhile', ref: 1 });
  await until('the store has refused', async () => (await g.metric('fronttcp_redis_errors_total')) > errors + 2);
  bob.hasNothingMore();
  alice.hasNothingMore();
  expect(bob.isClosed).toBe(false);

  await writeFile(file, 'second\n');
  await bob.receives(101, '{"code": 1}');
  await alice.receives(110, expect.objectContaining({ ref: 1 }));
  await bob.receives(102, chat('alice', 'meanwhile'));
});
