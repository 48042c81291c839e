import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { InboxHandOut } from '../../gateway/delivery/inbox-hand-out.ts';
import { InboxReader } from '../../gateway/delivery/inbox-reader.ts';
import type { Lease } from '../../gateway/fleet/lease.ts';
import { StoreClock } from '../../gateway/fleet/store-clock.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import type { Message } from '../../gateway/session/messages.ts';
import { Registry } from '../../gateway/session/registry.ts';
import type { Session } from '../../gateway/session/session.ts';
import { ClaimsInFlight } from '../../gateway/store/claims-in-flight.ts';
import type { DeliveryProgress } from '../../gateway/store/delivery-progress.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import type { SessionStore } from '../../gateway/store/session-store.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

const ENTRIES = 60;
const BUSY_MS = 5;

/** The inbox of one session whose deliveries keep the event loop; it is full before the reader begins. */
async function fullInbox() {
  const keyPrefix = uniquePrefix();
  const keys = keysOf(keyPrefix);
  const config = { url: sharedRedisUrl(), cluster: false, keyPrefix, username: undefined, password: undefined };
  const redis = connectRedis(config, silentLog);
  const lease = { gatewayId: 'g', isHeld: true };
  const inbox = keys.inbox('g');
  for (let i = 1; i <= ENTRIES; i += 1) {
    await redis.command('XADD', inbox, '*', `["m","${i}",102,1100,0,"","",["u",1],[]]`, '{}');
  }
  const delivered: number[] = [];
  const session = {
    userId: 'u',
    epoch: 1,
    deliver({ id, settle }: Message) {
      const end = performance.now() + BUSY_MS;
      while (performance.now() < end);
      delivered.push(id);
      settle?.('u', 1, 'plain');
    },
  };
  const registry = new Registry();
  registry.add(session as unknown as Session);
  const reader = new InboxReader({
    connect: () => redis.blocking(),
    writer: redis,
    keys,
    lease: lease as Lease,
    registry,
    claims: new ClaimsInFlight(),
    handOut: new InboxHandOut({
      registry,
      store: { roomToStash: () => undefined } as SessionStore,
      progress: {} as DeliveryProgress,
      counters: new Counters(),
      traces: undefined,
      clock: new StoreClock(),
      log: silentLog,
    }),
    log: silentLog,
  });
  onTestFinished(async () => {
    reader.stop();
    await Promise.all([reader.close(), redis.close()]);
  });
  const left = async () => Number(await redis.command('XLEN', inbox));
  return { reader, lease, delivered, left };
}

test('a long inbox yields the event loop, and is read to its end, in order', async () => {
  const { reader, delivered, left } = await fullInbox();
  reader.start();
  let turns = 0;
  while (delivered.length < ENTRIES) {
    await setImmediate();
    if (delivered.length > 0) turns += 1;
  }
  expect(delivered).toEqual(Array.from({ length: ENTRIES }, (_, i) => i + 1));
  expect(turns).toBeGreaterThan(5);
  await until('it is empty', async () => (await left()) === 0);
});

test('a lease that ends on the way: entries that were not taken stay in the inbox', async () => {
  const { reader, lease, delivered, left } = await fullInbox();
  reader.start();
  while (delivered.length === 0) await setImmediate();
  lease.isHeld = false;
  const taken = delivered.length;
  expect(taken).toBeLessThan(ENTRIES);
  await until('what was taken is removed', async () => (await left()) === ENTRIES - taken);
  expect(delivered).toHaveLength(taken);
});
