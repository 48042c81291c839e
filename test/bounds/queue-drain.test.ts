import { expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { QueueDrain } from '../../gateway/routing/queue-drain.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

/** Puts entries into the queue and drains it. Returns how many calls were in flight at a time, at most. */
async function drain(entries: readonly string[]): Promise<number> {
  const keyPrefix = uniquePrefix();
  const keys = keysOf(keyPrefix);
  const config = { url: sharedRedisUrl(), cluster: false, keyPrefix };
  const redis = connectRedis(config, silentLog);
  const waiter = redis.blocking();
  let inFlight = 0;
  let max = 0;
  const counted = Object.create(redis) as RedisPort;
  counted.script = async (...call) => {
    inFlight += 1;
    max = Math.max(max, inFlight);
    try {
      return await redis.script(...call);
    } finally {
      inFlight -= 1;
    }
  };
  for (let from = 0; from < entries.length; from += 500) {
    await redis.command('LPUSH', keys.queue, ...entries.slice(from, from + 500));
  }
  const queue = new QueueDrain({
    waiter,
    redis: counted,
    keys,
    config: {
      offlineTtlSeconds: 600,
      mailboxMax: 1_000,
      mailboxMaxBytes: 1_048_576,
      maxQueueRecipients: 10_000,
      maxQueueEntryBytes: 1_048_576,
      maxFrameBytes: 65_536,
    },
    lease: { highestId: 0 },
    counters: { queueTaken: 0, deadLetters: 0 },
    log: silentLog,
  });
  onTestFinished(async () => {
    const stopped = queue.stop();
    await waiter.close();
    await stopped;
    await redis.close();
  });
  queue.start();
  const { queue: waiting, queueTaken: taken } = keys;
  const left = async () =>
    (await redis.pipeline([
      ['LLEN', waiting],
      ['LLEN', taken],
    ])) as number[];
  await until('the queue is drained', async () => (await left()).every((length) => length === 0));
  return max;
}

const entry = (to: readonly string[]) =>
  JSON.stringify({ command_id: 103, chat_from: 'p', chat_to: to, chat_content: 'x' });

test('row 5: large entries of the queue are drained with one call at a time: Redis runs calls that arrive together without a pause', async () => {
  const to = Array.from({ length: 200 }, (_, i) => `nobody-${i}`);
  expect(await drain(Array(1_000).fill(entry(to)))).toBe(1);
});

test('row 5: small entries of a deep queue are drained with several calls at a time', async () => {
  expect(await drain(Array(3_000).fill(entry(['nobody'])))).toBeGreaterThan(1);
});
