import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { defineScript, readLua } from './library.ts';
import { ROUTE_LUA } from './route.ts';

export const drainQueueScript = defineScript(
  'drain_queue',
  ROUTE_LUA,
  readLua(new URL('./drain-queue.lua', import.meta.url)),
);

export interface DrainLimits {
  offlineTtlSeconds: number;
  mailboxMax: number;
  maxEntries: number;
  maxRecipients: number;
  maxEntryBytes: number;
}

export interface DrainResult {
  taken: number;
  dead: number;
  left: number;
}

/** Routes up to `maxEntries` entries of the public queue, oldest first. */
export async function drainQueue(redis: RedisPort, keys: Keys, limits: DrainLimits): Promise<DrainResult> {
  const reply = await redis.script(
    drainQueueScript,
    [keys.users],
    [
      keys.prefix,
      limits.offlineTtlSeconds,
      limits.mailboxMax,
      limits.maxEntries,
      limits.maxRecipients,
      limits.maxEntryBytes,
    ],
  );
  const [taken, dead, left] = reply as [number, number, number];
  return { taken, dead, left };
}
