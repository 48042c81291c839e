import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { readFigures } from '../../contract/store/scripts/figures.ts';
import { connectRedis } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import { FiguresReport } from '../../gateway/observe/figures-report.ts';
import { percentile } from '../../shared/histogram.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

const MINUTE_MS = 60_000;
let redis: ReturnType<typeof connectRedis>;
let plain: Redis;
let keys: ReturnType<typeof keysOf>;
let offsetMs: number;

/** The middle of a minute, whenever the test runs. */
const minute = () => Math.floor((Date.now() + offsetMs) / MINUTE_MS);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  keys = keysOf(uniquePrefix());
  redis = connectRedis(readEnvironment({ REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: keys.prefix }), undefined);
  plain = new Redis(sharedRedisUrl());
  offsetMs = MINUTE_MS / 2 - (Date.now() % MINUTE_MS);
});
afterEach(async () => {
  vi.useRealTimers();
  await redis.close();
  plain.disconnect();
});

function startReport(sessions: number) {
  const counters = new Counters();
  counters.redisOffsetMs = offsetMs;
  const registry = { size: sessions };
  const report = new FiguresReport({ redis, keys, counters, registry });
  report.start();
  /** Redis's clock goes on by a minute. */
  const pass = () => {
    counters.redisOffsetMs += MINUTE_MS;
    vi.advanceTimersByTime(5_000);
  };
  return { counters, registry, report, pass };
}

const figuresOf = async (of: number) => (await readFigures(redis, keys, of, 1))[0];

it('gateways add to one record for each minute, after its end', async () => {
  const first = minute();
  const [a, b] = [startReport(3), startReport(4)];
  a.counters.deliveredInbox = 5;
  a.counters.liveMs.record(7);
  b.counters.liveMs.record(20_000);
  vi.advanceTimersByTime(20_000);
  a.pass();
  b.pass();
  await until('both have reported', async () => (await figuresOf(first))?.gateways === 2);
  const took = Array.from({ length: 15 }, (_, bucket) => (bucket === 4 || bucket === 14 ? 1 : 0));
  expect(await figuresOf(first)).toEqual({ clients: 7, gateways: 2, delivered: 5, took });
  const ttl = await plain.ttl(keys.figures(first));
  expect(ttl).toBeGreaterThan(86_400);
  expect(ttl).toBeLessThanOrEqual(90_000);

  a.counters.deliveredInbox = 6;
  a.registry.size = 1;
  a.pass();
  await until('the next minute', async () => (await figuresOf(first + 1))?.gateways === 1);
  expect(await figuresOf(first + 1)).toMatchObject({ clients: 1, delivered: 1, took: Array(15).fill(0) });
  expect(await figuresOf(first + 2)).toBeUndefined();
});

it('a stopping gateway reports what it has delivered, and no clients that have moved', async () => {
  const first = minute();
  const { counters, report } = startReport(9);
  counters.deliveredMailbox = 2;
  await report.stop();
  expect(await figuresOf(first)).toMatchObject({ clients: 0, gateways: 0, delivered: 2 });
});

it('a percentile is as exact as its bucket', () => {
  expect(percentile([10, 20], [0, 0, 0], 0.5)).toBeNull();
  expect(percentile([10, 20], [4, 0, 0], 0.5)).toBe(5);
  expect(percentile([10, 20], [1, 1, 0], 0.95)).toBe(19);
  expect(percentile([10, 20], [0, 0, 3], 0.5)).toBe(20);
});
