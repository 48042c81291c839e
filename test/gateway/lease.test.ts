import { setTimeout } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { Lease } from '../../gateway/fleet/lease.ts';
import { StoreClock } from '../../gateway/fleet/store-clock.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import type { RedisPort, RedisReply } from '../../shared/redis/port.ts';
import { gateway, silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';

const url = sharedRedisUrl();
const redis = connectRedis({ url, username: undefined, password: undefined, cluster: false }, silentLog);
afterAll(() => redis.close());

/** A lease on a Redis whose clock, as it tells it, can be set back. */
async function joined() {
  let behindMs = 0;
  let lateMs = 0;
  const script: RedisPort['script'] = async (...call) => {
    const [now, ...rest] = (await redis.script(...call)) as RedisReply[];
    await setTimeout(lateMs);
    return [String(Number(now) - behindMs), ...rest];
  };
  const lease = new Lease({
    redis: { ...redis, script } as RedisPort,
    keys: keysOf(uniquePrefix()),
    leaseMs: 60_000,
    clock: new StoreClock(),
    seenId: () => 0,
    log: silentLog,
    logFields: () => ({}),
  });
  const none = () => undefined;
  await lease.start({ onLost: none, onJoined: none, onDead: none });
  return {
    lease,
    setBack: (ms: number) => {
      behindMs = ms;
    },
    delay: (ms: number) => {
      lateMs = ms;
    },
  };
}

test('a connection that was lost and leads to the same Redis: the lease goes on', async () => {
  const { lease } = await joined();
  expect(await lease.confirmAfterReturn()).toBe(true);
  expect(lease.lossCount).toBe(0);
  lease.stop();
});

test('a reply that comes late does not make the clock of Redis look behind', async () => {
  const { lease, delay } = await joined();
  delay(300);
  expect(await lease.confirmAfterReturn()).toBe(true);
  expect(lease.lossCount).toBe(0);
  lease.stop();
});

test('a connection that leads to a Redis whose clock is behind: the lease is lost, also when a renewal was on its way', async () => {
  const { lease, setBack } = await joined();
  const before = lease.gatewayId;
  setBack(1_000);
  // The one that is on its way hears from the other server first.
  const [first, second] = await Promise.all([lease.confirmAfterReturn(), lease.confirmAfterReturn()]);
  expect([first, second]).toEqual([false, false]);
  expect(lease.lossCount).toBe(1);
  expect(lease.gatewayId).not.toBe(before);
  lease.stop();
});

test('the age of a lease counts from its renewal, without the margin that it keeps to its end', async () => {
  const leaseMs = 600_000;
  const g = await gateway({ LEASE_MS: String(leaseMs) });
  expect(await g.metric('fronttcp_lease_age_seconds')).toBeLessThan((leaseMs * 0.05) / 1_000);
});
