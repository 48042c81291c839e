import { Redis } from 'ioredis';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import type { RouteCommand } from '../../contract/store/scripts/route.ts';
import { connectRedis as connectIoredis } from '../../functions/runtime/drivers/ioredis.ts';
import { connectRedis as connectUpstash } from '../../functions/runtime/drivers/upstash.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { sharedClusterUrl, sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { startTestUpstash } from '../kit/upstash.ts';

export const drivers = ['ioredis', 'ioredis in a cluster', 'Upstash'] as const;

/** A driver on a real Redis, keys of the test's own, and a connection to look behind it. */
export interface Store {
  port: RedisPort;
  keys: Keys;
  redis: Redis;
  /** Makes `user:<id>` with a token, and more where it is asked for. */
  addUser(id: string, fields?: Record<string, string | number>): Promise<void>;
  stop(): Promise<void>;
}

export async function openStore(driver: (typeof drivers)[number]): Promise<Store> {
  const isCluster = driver === 'ioredis in a cluster';
  const url = isCluster ? sharedClusterUrl() : sharedRedisUrl();
  const prefix = uniquePrefix();
  const upstash = driver === 'Upstash' ? await startTestUpstash({ redisUrl: url }) : undefined;
  const env = upstash
    ? { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: upstash.token }
    : { REDIS_URL: url, REDIS_CLUSTER: String(isCluster), REDIS_KEY_PREFIX: prefix };
  const port = (upstash ? connectUpstash : connectIoredis)(readEnvironment(env), undefined);
  const redis = new Redis(url);
  const keys = keysOf(prefix);
  return {
    port,
    keys,
    redis,
    addUser: async (id, fields = {}) => {
      await redis.hset(keys.user(id), { token: 'token', ...fields });
    },
    stop: async () => {
      await port.close();
      await upstash?.stop();
      redis.disconnect();
    },
  };
}

export const limits = { offlineTtlSeconds: 600, mailboxMax: 5, highestId: 0 };

export function message(to: RouteCommand['to'], more: Partial<RouteCommand> = {}): RouteCommand {
  return {
    commandId: 102,
    version: 1100,
    body: '{"chat_from": "op", "chat_content": "x"}',
    to,
    from: 'op',
    ttlSeconds: 0,
    receipt: false,
    traceparent: '',
    ...more,
  };
}
