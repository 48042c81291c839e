import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { RecentCalls } from '../../gateway/store/recent-calls.ts';
import { SessionStore } from '../../gateway/store/session-store.ts';
import type { RedisPort, RedisReply } from '../../shared/redis/port.ts';
import { uniquePrefix } from '../kit/redis.ts';

const CALLS = 3_000;

/** A store that replies to nobody yet. It counts the calls, by the name of their script. */
function silentStore() {
  const asked: string[] = [];
  const replies: (() => void)[] = [];
  const script: RedisPort['script'] = ({ name }) => {
    asked.push(name);
    return new Promise<RedisReply>((resolve) => replies.push(() => resolve(name === 'read_mailbox' ? [] : 1)));
  };
  const redis = { script } as RedisPort;
  const keys = keysOf(uniquePrefix());
  const lease = { gatewayId: 'g', highestId: 0 };
  const store = new SessionStore({
    redis,
    keys,
    config: { offlineTtlSeconds: 60, mailboxMax: 1_000, mailboxMaxBytes: 1_048_576 },
    lease,
    recent: new RecentCalls({ redis, keys, lease }),
    progress: { acknowledged: async () => undefined, flush: () => undefined },
    log: { error: () => undefined },
  });
  const released = () => asked.filter((name) => name === 'release').length;
  return { store, replies, released, asked };
}

test('row 3: hand-overs do not wait for the outstanding calls of other users', async () => {
  const { store, replies, released } = silentStore();
  for (let i = 0; i < CALLS; i += 1) void store.settleWritten({ userId: `other${i}`, epoch: 1 }, ['1']);
  const handOvers = Array.from({ length: CALLS }, (_, i) => store.handOver({ userId: `user${i}`, epoch: 1 }));
  await setImmediate();
  expect(released()).toBe(CALLS);
  for (const reply of replies) reply();
  await Promise.all(handOvers);
});

test('row 3: a hand-over waits for earlier calls of its own user', async () => {
  const { store, replies, released } = silentStore();
  void store.settleWritten({ userId: 'user', epoch: 1 }, ['1']);
  const handOver = store.handOver({ userId: 'user', epoch: 1 });
  await setImmediate();
  expect(released()).toBe(0);
  replies.shift()?.();
  await setImmediate();
  expect(released()).toBe(1);
  replies.shift()?.();
  await handOver;
});

test('messages are put back in calls that are bounded by their bytes', async () => {
  const { store, asked } = silentStore();
  const body = '好'.repeat(20_000);
  const message = { userIds: ['user'], id: '1', rest: '', body };
  void store.stash(Array(32).fill(message));
  void store.stash([
    { ...message, userIds: Array.from({ length: 1_000 }, (_, n) => `user${n}`), body: body.slice(0, 300) },
  ]);
  await setImmediate();
  expect(asked).toEqual(Array(4).fill('stash'));
});

test('mailboxes are read a bounded number at a time, in order, and not for ended sessions', async () => {
  const { store, replies, asked } = silentStore();
  let wanted = true;
  const from = { after: '0', lostReported: 0, waitsForNobody: false };
  const pages = Array.from({ length: 1_000 }, (_, i) =>
    store.page({ userId: `user${i}`, epoch: 1 }, from, () => wanted),
  );
  await setImmediate();
  expect(asked).toHaveLength(32);
  replies.shift()?.();
  await setImmediate();
  expect(asked).toHaveLength(33);
  wanted = false;
  for (const reply of replies) reply();
  const read = await Promise.all(pages);
  expect(read.filter((page) => page === 'stale')).toHaveLength(1_000 - 33);
  expect(asked).toHaveLength(33);
});
