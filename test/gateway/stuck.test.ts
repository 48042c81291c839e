import { expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { parseConfig } from '../../gateway/config.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import { RouteQueue } from '../../gateway/routing/route-queue.ts';
import { Registry } from '../../gateway/session/registry.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { sessionsInProcess } from '../kit/sessions-in-process.ts';
import { until } from '../kit/until.ts';

/** A route queue on the real store, a sender, and a clock that the test moves. */
async function routeQueue(redisUrl = sharedRedisUrl()) {
  const g = sessionsInProcess();
  const config = parseConfig({ REDIS_URL: redisUrl, REDIS_KEY_PREFIX: uniquePrefix() });
  const redis = connectRedis(config.redis, silentLog);
  onTestFinished(() => redis.close());
  const keys = keysOf(config.redis.keyPrefix);
  const lease = { gatewayId: 'g', highestId: 0 };
  const counters = new Counters();
  const parts = { redis, keys, config, lease, registry: new Registry(), counters, log: silentLog };
  const queue = new RouteQueue(parts);
  const { session } = await g.verified('sender', ['errors']);
  await g.pass(1_000);
  const batch = `${config.redis.keyPrefix}batch:g`;
  return {
    queue,
    counters,
    redis,
    pass: g.pass,
    /** The script fails as long as the key of its last batch has another type. */
    breaks: () => redis.command('RPUSH', batch, 'of another type'),
    works: () => redis.command('DEL', batch),
    /** As if another process with this gateway's id had routed many batches. */
    isBehind: () => redis.command('SET', batch, '999 - 1,0,0,0,,0,'),
    async routesOne(): Promise<void> {
      const command = { commandId: 102, body: '{"chat_content": "x"}', to: ['away'] };
      queue.add(session, command, { version: 1, ref: undefined });
      await queue.idle();
    },
  };
}

test('a queue in which nothing waits is not stuck, however long ago its last command was refused', async () => {
  const { queue, pass, breaks, routesOne } = await routeQueue();
  await breaks();
  await routesOne();
  expect(queue.isStuck).toBe(false);
  await pass(11_000);
  expect(queue.isStuck).toBe(false);
  // Another failure after a quiet time is a first one, too.
  await pass(60_000);
  await routesOne();
  expect(queue.isStuck).toBe(false);
});

test('a queue whose calls go on failing is stuck after 10 s, and no longer when one has succeeded or none is made', async () => {
  const { queue, pass, breaks, works, routesOne } = await routeQueue();
  await breaks();
  for (let second = 0; second <= 10; second += 5) {
    await routesOne();
    expect(queue.isStuck).toBe(false);
    await pass(5_000);
  }
  await routesOne();
  expect(queue.isStuck).toBe(true);
  await pass(11_000);
  expect(queue.isStuck).toBe(false);
  await works();
  await routesOne();
  await pass(11_000);
  expect(queue.isStuck).toBe(false);
});

test('a command whose batch the store takes for an old one is refused, not counted as routed', async () => {
  const { counters, isBehind, routesOne } = await routeQueue();
  await isBehind();
  await routesOne();
  expect(counters).toMatchObject({ routed: 0, routesRefused: 1 });
});

test('nothing is tried any more when the connection is closed', { timeout: 20_000 }, async () => {
  // Nobody listens there.
  const { redis, counters, routesOne } = await routeQueue('redis://127.0.0.1:1');
  const routed = routesOne();
  await until('Redis was found to be away', () => redis.use.errors > 0);
  await redis.close();
  await routed;
  expect(counters).toMatchObject({ routed: 0, routesRefused: 0 });
});

test('a reply that is on its way when the connection is closed still comes', async () => {
  const { redis } = await routeQueue();
  await redis.command('PING');
  const reply = redis.command('ECHO', 'here');
  await redis.close();
  expect(await reply).toBe('here');
});
