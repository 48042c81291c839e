import type { Redis } from 'ioredis';
import type { RedisPort } from '../../shared/redis/port.ts';

/** Keys of a shared server, such as those under a prefix. In steps: KEYS would hold up everybody else on it. */
export async function scanKeys(redis: Redis | RedisPort, pattern: string): Promise<string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const step = [cursor, 'MATCH', pattern, 'COUNT', 1_000] as const;
    const reply = 'scan' in redis ? await redis.call('SCAN', ...step) : await redis.command('SCAN', ...step);
    const [next, keys] = reply as [string, string[]];
    for (const key of keys) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...found];
}
