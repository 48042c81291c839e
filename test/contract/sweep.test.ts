import { afterAll, beforeAll, expect, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { sweepMailboxes } from '../../contract/store/scripts/sweep.ts';
import { createLog } from '../../gateway/observe/log.ts';
import { connectRedis, type GatewayRedis } from '../../gateway/store/redis.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

const keyPrefix = uniquePrefix();
const keys = keysOf(keyPrefix);
let redis: GatewayRedis;

beforeAll(async () => {
  const config = { url: sharedRedisUrl(), cluster: false, keyPrefix, username: undefined, password: undefined };
  redis = connectRedis(config, createLog({ level: 'silent', format: 'json' }));
  for (let i = 0; i < 7; i += 1) await redis.command('ZADD', keys.users, 0, `u${i}`);
});
afterAll(() => redis.close());

const idAt = (ms: number, n = 0): string => String(ms * 1024 + n);
const letter = (id: string, expiresAtMs: number): [string, string] => [id, `["${id}",102,1,${expiresAtMs},"",""]\n{}`];

const step = (max: number, pauseMs = 0) => ({ offlineTtlSeconds: 604_800, max, pauseMs });

test('drops old and expired messages of users who stay away, a few users a step, round and round', async () => {
  const now = Date.now();
  const old = letter(idAt(now - 700_000_000), 0);
  const expired = letter(idAt(now), 1);
  const fresh = letter(idAt(now, 1), 0);
  await redis.command('ZADD', keys.mailbox('u3'), ...old, ...expired, ...fresh);
  await redis.command('ZADD', keys.mailboxExpiry('u3'), 1, expired[0]);
  await redis.command('HSET', keys.user('u3'), 'token', 't', 'expiring', '1');

  const looked: number[] = [];
  for (let i = 0; i < 3; i += 1) looked.push(await sweepMailboxes(redis, keys, step(3)));

  expect(looked).toEqual([3, 3, 1]);
  expect(await redis.command('ZRANGE', keys.mailbox('u3'), 0, -1)).toEqual([fresh[1]]);
  expect(await redis.command('HGET', keys.user('u3'), 'lost')).toBe('2');
  expect(await sweepMailboxes(redis, keys, step(100))).toBe(7);
});

test('users that other login code made, with a token alone, are added to the list of users; other keys are not', async () => {
  const odd = keysOf(`${uniquePrefix()}*[a]?\\`);
  await redis.command('HSET', odd.user('a:b *'), 'token', 't');
  await redis.command('SET', odd.user('a string'), 'x');
  await redis.command('HSET', keysOf(odd.prefix.replace('*', 'any')).user('of another deployment'), 'token', 't');
  await until('it is listed', async () => {
    await sweepMailboxes(redis, odd, step(100));
    return (await redis.command('ZCARD', odd.users)) === 1;
  });
  // Once more round the whole store.
  do await sweepMailboxes(redis, odd, step(100));
  while ((await redis.command('GET', `${odd.prefix}sweep_scan`)) !== '0');
  expect(await redis.command('ZRANGE', odd.users, 0, -1)).toEqual(['a:b *']);
});

test('all gateways share one pace: nobody takes the next step during the pause of the last one', async () => {
  const shared = keysOf(uniquePrefix());
  await redis.command('ZADD', shared.users, 0, 'u');
  expect(await sweepMailboxes(redis, shared, step(100, 60_000))).toBe(1);
  expect(await sweepMailboxes(redis, shared, step(100, 60_000))).toBe(0);
  expect(await redis.command('PTTL', `${shared.prefix}sweep_pause`)).toBeGreaterThan(50_000);
  await redis.command('DEL', `${shared.prefix}sweep_pause`);
  expect(await sweepMailboxes(redis, shared, step(100, 60_000))).toBe(1);
});
