import { expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { changeGroup } from '../../contract/store/scripts/groups.ts';
import { parseConfig } from '../../gateway/config.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import { Pushes } from '../../gateway/upstream/pushes.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';

function pushesOf() {
  const config = parseConfig({ REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() });
  const redis = connectRedis(config.redis, silentLog);
  onTestFinished(() => redis.close());
  const keys = keysOf(config.redis.keyPrefix);
  const counters = { commandsSent: 0 };
  const lease = { gatewayId: 'g', highestId: 0 };
  const pushes = new Pushes({ redis, keys, lease, config, from: 'cloud', counters });
  return { redis, keys, counters, pushes };
}

test('a command that the store refuses is named by its place, also behind the first call, and is not counted', async () => {
  const { counters, pushes } = pushesOf();
  const many = Array.from({ length: 1_000 }, (_, i) => `user-${i}`);
  const toMany = { command_id: 103, chat_to: many, content: 'x'.repeat(20_000) };
  const toNoGroup = { command_id: 2100, chat_to: { group: 'none' }, content: {} };
  const commands = pushes.parse([toNoGroup, toMany, toMany, toNoGroup], '');
  await expect(pushes.send(commands)).rejects.toThrow('send[0]: unknown_group, send[3]: unknown_group');
  expect(counters.commandsSent).toBe(2);
});

test('commands to a group go in calls of their own', async () => {
  const { redis, keys, counters, pushes } = pushesOf();
  const add = Array.from({ length: 1_000 }, (_, i) => `user-${i}`);
  for (const id of add) void redis.command('HSET', keys.user(id), 'token', 't');
  await changeGroup(redis, keys, 'all', { add, remove: [] }, { by: 'op', max: 0 }, 0);
  const toGroup = { command_id: 2100, chat_to: { group: 'all' }, content: {} };
  await pushes.send(pushes.parse(Array(10).fill(toGroup), ''));
  expect(counters.commandsSent).toBe(10);
});
