import { afterAll, beforeEach, expect, test } from 'vitest';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import type { Recipient } from '../../contract/store/records.ts';
import { readReceipt } from '../../contract/store/scripts/receipts.ts';
import { type RouteCommand, routeCommands } from '../../contract/store/scripts/route.ts';
import { claimSessions } from '../../contract/store/scripts/sessions.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import { DeliveryProgress } from '../../gateway/store/delivery-progress.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

const config = { offlineTtlSeconds: 60, mailboxMax: 10, mailboxMaxBytes: 100_000 };
const lease = { gatewayId: 'g1', highestId: 0 };
const url = sharedRedisUrl();
const redis = connectRedis({ url, username: undefined, password: undefined, cluster: false }, silentLog);
afterAll(() => redis.close());

let keys: Keys;
let counters: Counters;
let progress: DeliveryProgress;
let calls: number;
let answered: number;
let beforeCall: (call: number) => Promise<void>;
beforeEach(async () => {
  keys = keysOf(uniquePrefix());
  counters = new Counters();
  calls = 0;
  answered = 0;
  beforeCall = () => Promise.resolve();
  const counted: RedisPort = Object.create(redis);
  counted.script = async (...call) => {
    calls += 1;
    await beforeCall(calls);
    const reply = await redis.script(...call);
    answered += 1;
    return reply;
  };
  const recent = { make: <T>(_bytes: number, call: (name: string) => Promise<T>) => call('') };
  progress = new DeliveryProgress({ redis: counted, keys, recent, counters, log: silentLog });
  await redis.command('ZADD', keys.gateways, Date.now() + 600_000, 'g1');
});

async function sessionOf(userId: string): Promise<Recipient> {
  await redis.command('HSET', keys.user(userId), 'token', 't');
  const request = { userId, form: 'ack' as const, proof: { tokenField: 't' } };
  const claimed = await claimSessions(redis, keys, lease, 60, [request]);
  const [claim] = claimed === 'no_lease' ? [] : claimed;
  if (claim?.status !== 'claimed') throw new Error('not claimed');
  return { userId, epoch: claim.epoch };
}

/** A message for a client that acknowledges, as its gateway has it. */
async function sent(userId: string, wait: NonNullable<RouteCommand['wait']>['step'], flag: string) {
  const session = await sessionOf(userId);
  const command = {
    commandId: 2001,
    version: 1100,
    body: '{}',
    to: [userId],
    from: 'op',
    ttlSeconds: 0,
    receipt: true,
  };
  const options = { ...config, highestId: 0 };
  const routed = { ...command, traceparent: '', wait: { step: wait, instance: 'f' } };
  const { answers } = await routeCommands(redis, keys, [routed], options);
  const id = answers[0]?.id ?? '';
  const head = { id, commandId: 2001, version: 1100, expiresAtMs: 0, flags: `r${flag}`, traceparent: '' };
  return { id, head, session };
}

const stepsOf = async (id: string) =>
  (await readReceipt(redis, keys, id))?.recipients[0]?.steps.map(({ state }) => state);

test('the steps of an ask with an immediate reply leave in one call, in their order', async () => {
  const { id, head, session } = await sent('a', 'reply', 'a');
  void progress.wrote(head, 'a', 'ack');
  void progress.acknowledged(session, [id]);
  await progress.replied({ ask: id, userId: 'a', reply: '1' });
  expect(calls).toBe(1);
  expect(await stepsOf(id)).toEqual(['routed', 'written', 'acknowledged', 'replied']);
  expect([counters.replied, await redis.command('ZCARD', keys.mailbox('a'))]).toEqual([1, 0]);
});

test('a step that waits for others leaves soon without them', async () => {
  const { id, head, session } = await sent('a', 'reply', 'a');
  await progress.wrote(head, 'a', 'ack');
  expect(await stepsOf(id)).toEqual(['routed', 'written']);
  await progress.acknowledged(session, [id]);
  expect(await stepsOf(id)).toEqual(['routed', 'written', 'acknowledged']);
});

test('an acknowledgement that a caller waits for leaves in this turn', async () => {
  const awaited = await sent('k', 'acknowledged', 'k');
  const other = await sent('a', 'reply', 'a');
  await progress.wrote(awaited.head, 'k', 'ack');
  calls = 0;
  answered = 0;
  beforeCall = () => Promise.resolve();
  void progress.acknowledged(other.session, [other.id]);
  await new Promise(setImmediate);
  expect(calls).toBe(0);
  void progress.acknowledged(awaited.session, [awaited.id]);
  await new Promise(setImmediate);
  expect(calls).toBe(1);
  await progress.idle();
});

test('items written together are not lost with one that Redis refuses', async () => {
  const good = await sent('good', 'reply', 'a');
  const bad = await sent('bad', 'reply', 'a');
  await redis.command('DEL', keys.mailbox('bad'));
  await redis.command('SET', keys.mailbox('bad'), 'written by another program');
  void progress.wrote(good.head, 'good', 'ack');
  void progress.acknowledged(bad.session, [bad.id]);
  await progress.replied({ ask: good.id, userId: 'good', reply: '1' });
  expect(await stepsOf(good.id)).toEqual(['routed', 'written', 'replied']);
});

test('a step that overtakes an earlier one, which Redis refused for a moment, is written behind it, too', async () => {
  const session = await sessionOf('b');
  const broadcast: RouteCommand = {
    commandId: 104,
    version: 1100,
    body: '{}',
    to: 'everyone',
    from: 'op',
    ttlSeconds: 0,
    receipt: true,
    traceparent: '',
  };
  const { answers } = await routeCommands(redis, keys, [broadcast], { ...config, highestId: 0 });
  const id = answers[0]?.id ?? '';
  const overtaken = Promise.withResolvers<void>();
  beforeCall = (call) => (call === 1 ? overtaken.promise : Promise.resolve());
  const written = progress.wrote(
    { id, commandId: 104, version: 1100, expiresAtMs: 0, flags: 'r', traceparent: '' },
    'b',
    'ack',
  );
  await new Promise((resolve) => setImmediate(resolve));
  const acknowledged = progress.acknowledged(session, [id]);
  progress.flush();
  await until('the second call is answered', () => answered === 1);
  expect(await stepsOf(id)).toBeUndefined();
  overtaken.resolve();
  await Promise.all([written, acknowledged]);
  expect(await stepsOf(id)).toEqual(['written', 'acknowledged']);
});

test('a reply that overtakes an earlier step is counted once', async () => {
  const { id, head, session } = await sent('c', 'reply', 'a');
  const overtaken = Promise.withResolvers<void>();
  beforeCall = (call) => (call === 1 ? overtaken.promise : Promise.resolve());
  const acknowledged = progress.acknowledged(session, [id]);
  progress.flush();
  void progress.wrote(head, 'c', 'ack');
  const replied = progress.replied({ ask: id, userId: 'c', reply: '1' });
  await until('the second call is answered', () => answered === 1);
  overtaken.resolve();
  await Promise.all([acknowledged, replied]);
  expect([calls, counters.replied, counters.repliesPassedOver]).toEqual([3, 1, 0]);
});
