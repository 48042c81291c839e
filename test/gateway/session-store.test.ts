import { afterAll, beforeEach, expect, test } from 'vitest';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import { claimSessions } from '../../contract/store/scripts/sessions.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import { DeliveryProgress } from '../../gateway/store/delivery-progress.ts';
import { RecentCalls } from '../../gateway/store/recent-calls.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import { SessionStore } from '../../gateway/store/session-store.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';

const config = { offlineTtlSeconds: 60, mailboxMax: 10, mailboxMaxBytes: 100_000 };
const lease = { gatewayId: 'g1', highestId: 0 };
const url = sharedRedisUrl();
const redis = connectRedis({ url, username: undefined, password: undefined, cluster: false }, silentLog);
afterAll(() => redis.close());

let keys: Keys;
let recent: RecentCalls;
let store: SessionStore;
let session: { userId: string; epoch: number; holder: string };
let id: string;

async function claim(): Promise<{ epoch: number }> {
  const request = { userId: 'u', form: 'ack' as const, proof: { tokenField: 'token' } };
  const claimed = await claimSessions(redis, keys, lease, 60, [request]);
  const [result] = claimed === 'no_lease' ? [] : claimed;
  if (result?.status !== 'claimed') throw new Error(JSON.stringify(claimed));
  return result;
}

/** A client that acknowledges has a message that waits for its acknowledgement. */
beforeEach(async () => {
  keys = keysOf(uniquePrefix());
  recent = new RecentCalls({ redis, keys, lease });
  const progress = new DeliveryProgress({ redis, keys, recent, counters: new Counters(), log: silentLog });
  store = new SessionStore({ redis, keys, config, lease, recent, progress, log: silentLog });
  await redis.command('HSET', keys.user('u'), 'token', 'token');
  await redis.command('ZADD', keys.gateways, Date.now() + 600_000, 'g1');
  session = { userId: 'u', epoch: (await claim()).epoch, holder: 'g1' };
  const command = { commandId: 102, version: 1100, body: '{}', to: ['u'], from: 'op', ttlSeconds: 0, receipt: false };
  const { answers } = await routeCommands(redis, keys, [{ ...command, traceparent: '' }], { ...config, highestId: 0 });
  id = answers[0]?.id ?? '';
});

test('an acknowledgement just before another verify counts', async () => {
  void store.settleAcknowledged(session, [id]);
  void store.release({ session, reason: 'reverified', handsOver: false, undelivered: [] });
  expect((await claim()).epoch).toBeGreaterThan(session.epoch);
  await store.idle();
  expect(await redis.command('ZCARD', keys.mailbox('u'))).toBe(0);
});

test('a page requested behind an acknowledgement does not have the message', async () => {
  void store.settleAcknowledged(session, [id]);
  const page = await store.page(session, { after: '0', lostReported: 0, waitsForNobody: false }, () => true);
  expect(page).toEqual({ messages: [], given: [] });
});

test('every call that a failover could forget is noted in Redis: a mere reconnect makes none again', async () => {
  const message = { id, rest: '102,1100,0,"",""', body: '{}' };
  await store.settleAcknowledged(session, [id]);
  await store.stash([{ ...message, userIds: ['u'] }]);
  await store.settleWritten(session, [id]);
  await store.giveUpTooLarge('u', { id, flags: '', isStored: false });
  await store.release({ session, reason: 'client_left', handsOver: true, undelivered: [message] });
  expect(await redis.command('GET', keys.writes('g1'))).toBe('5');
  expect(await recent.repeatForgotten()).toEqual({ made: 0, errors: [] });
});

test('what is kept to be made again is counted with its ids and recipients', async () => {
  const bytes: number[] = [];
  const counting: Pick<RecentCalls, 'make'> = {
    make: (size, call) => {
      bytes.push(size);
      return call('');
    },
  };
  const progress = new DeliveryProgress({ redis, keys, recent: counting, counters: new Counters(), log: silentLog });
  store = new SessionStore({ redis, keys, config, lease, recent: counting, progress, log: silentLog });
  const ids = Array.from({ length: 128 }, (_, i) => String(i + 1));
  await store.settleWritten(session, ids);
  await store.settleAcknowledged(session, ids);
  await store.stash([{ id, rest: '102,1100,0,"",""', body: '{}', userIds: ids }]);
  expect(Math.min(...bytes)).toBeGreaterThan(128 * 60);
});
