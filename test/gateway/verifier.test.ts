import { afterAll, beforeEach, expect, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { ClaimsInFlight } from '../../gateway/store/claims-in-flight.ts';
import { RecentCalls } from '../../gateway/store/recent-calls.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import { Verifier } from '../../gateway/store/verifier.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

const url = sharedRedisUrl();
const redis = connectRedis({ url, username: undefined, password: undefined, cluster: false }, silentLog);
afterAll(() => redis.close());

let asked: number;
let isAway: PromiseWithResolvers<void>;
beforeEach(() => {
  asked = 0;
  isAway = Promise.withResolvers();
});

/** On a Redis that replies from `isAway.resolve()` on. */
function verifierFor(maxVerifiesInFlight: number): Verifier {
  const keys = keysOf(uniquePrefix());
  const slow: RedisPort = Object.create(redis);
  slow.script = async (script, names, args) => {
    asked += args.length - 1;
    await isAway.promise;
    return redis.script(script, names, args);
  };
  const lease = { gatewayId: 'g1', claimant: { gatewayId: 'g1', highestId: 0 }, recovered: () => Promise.resolve() };
  return new Verifier({
    redis: slow,
    keys,
    config: { offlineTtlSeconds: 60, maxVerifiesInFlight },
    lease,
    claims: new ClaimsInFlight(),
    recent: new RecentCalls({ redis, keys, lease }),
    progress: { flush: () => undefined },
    log: silentLog,
  });
}

const nobody = { userId: 'nobody', token: 'any', form: 'ack' } as const;

test.each([4, 256, 512])('%i verifies are with Redis at a time where so many are allowed', async (max) => {
  const verifier = verifierFor(max);
  let answers = 0;
  const isWanted = () => true;
  const answer = () => {
    answers += 1;
  };
  for (let i = 0; i < 600; i += 1) verifier.verify(nobody, isWanted, answer);
  await until('so many are asked', () => asked >= max);
  expect([asked, verifier.waiting]).toEqual([max, 600]);
  isAway.resolve();
  await until('all have an answer', () => answers === 600);
  expect(verifier.waiting).toBe(0);
});

test('verifies that nobody wants any more are not kept while Redis is away', () => {
  const verifier = verifierFor(1);
  let looks = 0;
  const isWanted = () => {
    looks += 1;
    return false;
  };
  for (let i = 0; i < 100_000; i += 1) verifier.verify(nobody, isWanted, () => undefined);
  // Each that is still there is looked at when they are counted.
  looks = 0;
  expect(verifier.waiting).toBe(0);
  expect(looks).toBeLessThan(2_000);
  isAway.resolve();
});
