import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSteps } from '../../contract/store/scripts/receipts.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import { STEP_WORK } from '../../contract/store/work.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import { DeliveryProgress } from '../../gateway/store/delivery-progress.ts';
import { RecentCalls } from '../../gateway/store/recent-calls.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { silentLog } from '../kit/gateway.ts';
import { message, openStore, type Store } from '../store/ports.ts';

const bounds = { offlineTtlSeconds: 600, mailboxMax: 1_000, mailboxMaxBytes: 1_048_576, highestId: 0 };

let store: Store;
beforeAll(async () => {
  store = await openStore('ioredis');
});
afterAll(() => store.stop());

/** The real store, and how many arguments each call of a script had. */
function counted(): { redis: RedisPort; sizes: number[] } {
  const sizes: number[] = [];
  const redis = Object.create(store.port) as RedisPort;
  redis.script = (script, keys, args) => {
    sizes.push(args.length);
    return store.port.script(script, keys, args);
  };
  redis.command = (...args) => store.port.command(...args);
  return { redis, sizes };
}

test('the delivery states of one turn are written in calls of at most one step', async () => {
  const users = Array.from({ length: 2 * STEP_WORK + 1 }, (_, i) => `marks-${i}`);
  const [first = ''] = users;
  await store.redis.hset(store.keys.user(first), { token: 't' });
  const command = message([first], { receipt: true });
  const { answers } = await routeCommands(store.port, store.keys, [command], bounds);
  const messageId = answers[0]?.id ?? '';
  const { redis, sizes } = counted();
  const recent = new RecentCalls({ redis, keys: store.keys, lease: { gatewayId: 'g' } });
  const progress = new DeliveryProgress({ redis, keys: store.keys, recent, counters: new Counters(), log: silentLog });
  await Promise.all(users.toReversed().map((userId) => progress.mark({ messageId, userId, state: 'written' })));
  expect(sizes.map((size) => (size - 2) / 5)).toEqual([STEP_WORK, STEP_WORK, 1]);
  const steps = await store.redis.hget(store.keys.receipt(messageId), `u:${first}`);
  expect(parseSteps(first, steps ?? '').state).toBe('written');
});

test('the replies of one turn are written in calls of at most one step of bytes', async () => {
  const { redis, sizes } = counted();
  const recent = new RecentCalls({ redis, keys: store.keys, lease: { gatewayId: 'g' } });
  const progress = new DeliveryProgress({ redis, keys: store.keys, recent, counters: new Counters(), log: silentLog });
  const reply = JSON.stringify('x'.repeat(300_000));
  for (let i = 0; i < 7; i += 1) void progress.replied({ ask: '1', userId: 'u', reply });
  await progress.idle();
  expect(sizes.map((size) => (size - 2) / 4)).toEqual([3, 3, 1]);
});
