import type { RedisPort } from '../../../shared/redis/port.ts';
import { largestFrameBytes } from '../../wire/message.ts';
import type { Keys } from '../keys.ts';
import { tupleOf } from '../redis-reply.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';
import { type MailboxBound, mailboxBound } from './mailbox-bound.ts';
import { ROUTE_LUA } from './route.ts';

const drainQueueScript = defineScript(
  'drain_queue',
  ALLOW_FULL,
  ROUTE_LUA,
  readLua(new URL('./drain-queue.lua', import.meta.url)),
);

interface DrainLimits extends MailboxBound {
  offlineTtlSeconds: number;
  maxEntries: number;
  maxRecipients: number;
  maxEntryBytes: number;
  /** An entry whose message needs a larger frame, in any of its forms, becomes a dead letter. */
  maxFrameBytes: number;
  /** The highest message id known to the caller: new ones are above it. */
  highestId: number;
}

export interface DrainResult {
  taken: number;
  dead: number;
  left: number;
}

/** One step: routes up to `maxEntries` entries of the public queue, oldest first; a long list of recipients takes several. */
export async function drainQueue(redis: RedisPort, keys: Keys, limits: DrainLimits): Promise<DrainResult> {
  const reply = await redis.script(
    drainQueueScript,
    [keys.users],
    [
      keys.prefix,
      limits.offlineTtlSeconds,
      mailboxBound(limits),
      limits.maxEntries,
      limits.maxRecipients,
      limits.maxEntryBytes,
      limits.maxFrameBytes - largestFrameBytes(''),
      limits.highestId,
    ],
  );
  const [taken, dead, left] = tupleOf(reply, 'number', 'number', 'number');
  return { taken, dead, left };
}
