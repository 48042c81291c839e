import { afterAll, beforeEach, expect, test } from 'vitest';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import { writeProgress } from '../../contract/store/scripts/settle.ts';
import { RecentCalls } from '../../gateway/store/recent-calls.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';

const url = sharedRedisUrl();
const redis = connectRedis({ url, username: undefined, password: undefined, cluster: false }, silentLog);
afterAll(() => redis.close());

let keys: Keys;
let lease: { gatewayId: string };
let recent: RecentCalls;
let made: string[];
beforeEach(() => {
  keys = keysOf(uniquePrefix());
  lease = { gatewayId: 'g1' };
  recent = new RecentCalls({ redis, keys, lease });
  made = [];
});

/** As a script of the store does it. */
const note = (call: string) => writeProgress(redis, keys, [], call);
const make = (bytes = 1) =>
  recent.make(bytes, (call) => {
    made.push(call);
    return note(call);
  });
const noted = () => redis.command('GET', keys.writes('g1'));

test('calls that took effect are noted by one number, and none is made again', async () => {
  for (let i = 0; i < 5; i += 1) await make();
  expect(await noted()).toBe('5');
  expect(await recent.repeatForgotten()).toEqual({ made: 0, errors: [] });
  expect(made).toHaveLength(5);
});

test('only those that the store has forgotten are made again, in their order and under their names', async () => {
  for (let i = 0; i < 5; i += 1) await make();
  // The promoted replica had two; the fourth had no reply yet, and was sent again to it.
  await redis.command('SET', keys.writes('g1'), '2');
  await note('g1:4');
  expect(await noted()).toBe('2 4');
  made.length = 0;
  expect(await recent.repeatForgotten()).toEqual({ made: 2, errors: [] });
  expect(made).toEqual(['g1:3', 'g1:5']);
  expect(await noted()).toBe('5');
});

test('a call that is made twice is noted once, and out of order is no gap', async () => {
  for (const n of [2, 3, 2, 1, 1, 4]) await note(`g1:${n}`);
  expect(await noted()).toBe('4');
});

test('a number that stays missing is passed over after many more', async () => {
  for (let n = 2; n <= 257; n += 1) await note(`g1:${n}`);
  expect(String(await noted()).startsWith('0 2 3 ')).toBe(true);
  await note('g1:258');
  expect(await noted()).toBe('258');
});

test('each id of a gateway has its own numbers', async () => {
  await make();
  await make();
  lease.gatewayId = 'g2';
  await make();
  expect(made).toEqual(['g1:1', 'g1:2', 'g2:1']);
  await redis.command('DEL', keys.writes('g1'));
  expect(await recent.repeatForgotten()).toEqual({ made: 2, errors: [] });
});

test('kept calls have a bound in bytes: the oldest go first', async () => {
  await make(5_000_000);
  await make(5_000_000);
  await make(1);
  await redis.command('DEL', keys.writes('g1'));
  made.length = 0;
  expect(await recent.repeatForgotten()).toEqual({ made: 2, errors: [] });
  expect(made).toEqual(['g1:2', 'g1:3']);
});

test('the calls of an older id are made before those of the newer one', async () => {
  await make();
  await make();
  lease.gatewayId = 'g2';
  await make();
  await redis.command('DEL', keys.writes('g1'), keys.writes('g2'));
  made.length = 0;
  await recent.repeatForgotten();
  expect(made).toEqual(['g1:1', 'g1:2', 'g2:1']);
});

test('a call that is refused when it is made again does not keep the others back', async () => {
  let isRefused = false;
  await recent.make(1, async (call) => {
    if (isRefused) throw new Error('WRONGTYPE');
    await note(call);
  });
  await make();
  await redis.command('DEL', keys.writes('g1'));
  isRefused = true;
  made.length = 0;
  expect(await recent.repeatForgotten()).toEqual({ made: 1, errors: [new Error('WRONGTYPE')] });
  expect(made).toEqual(['g1:2']);
});

test('a call that was refused is not made again', async () => {
  await expect(recent.make(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await recent.repeatForgotten()).toEqual({ made: 0, errors: [] });
});
