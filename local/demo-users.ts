import { type Keys, keysOf } from '../contract/store/keys.ts';
import { hashPassword } from '../contract/store/passwords.ts';
import type { RedisPort } from '../shared/redis/port.ts';

export const DEMO_PASSWORD = '123456';
/** Names that explain themselves, for a person; then the numbers that existing clients and scripts log in with. */
export const DEMO_USERS = [
  { userId: 'device-1', role: 'user' },
  { userId: 'operator', role: 'operator' },
  { userId: 'device-2', role: 'user' },
  { userId: '13565208554', role: 'user' },
  { userId: '13764408552', role: 'operator' },
  { userId: '1390854961g', role: 'user' },
] as const;
export type DemoUser = (typeof DEMO_USERS)[number];

/** Creates missing demo users; later changes to existing ones stay. */
export async function createDemoUsers(redis: RedisPort, keyPrefix: string): Promise<void> {
  const keys = keysOf(keyPrefix);
  await Promise.all(DEMO_USERS.map((user) => createDemoUser(redis, keys, user)));
}

async function createDemoUser(redis: RedisPort, keys: Keys, { userId, role }: DemoUser): Promise<void> {
  const key = keys.user(userId);
  if ((await redis.command('HEXISTS', key, 'password')) === 1) return;
  const password = await hashPassword(DEMO_PASSWORD);
  await redis.pipeline([
    ['HSETNX', key, 'password', password],
    ['HSETNX', key, 'role', role],
    ['ZADD', keys.users, 'NX', 0, userId],
  ]);
}
