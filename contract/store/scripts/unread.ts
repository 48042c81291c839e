import { z } from 'zod';
import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { parseInboxRecord } from '../records.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';

const adoptScript = defineScript('adopt_unread', ALLOW_FULL, readLua(new URL('./adopt-unread.lua', import.meta.url)));

/** Records checked in one step. */
const STEP = 50;
const unreadSchema = z.tuple([z.string(), z.string()]);

/**
 * Moves records that an older version did not understand, and this one does, into a gateway's own inbox: from there they
 * reach their users as after any change of a session. Returns the number of records.
 */
export async function adoptUnread(redis: RedisPort, keys: Keys, gatewayId: string): Promise<number> {
  let moved = 0;
  for (let at = 0; ; ) {
    const step = (await redis.command('LRANGE', keys.inboxUnread, at, at + STEP - 1)) as string[];
    const known = step.filter(isKnown);
    if (known.length > 0) {
      moved += (await redis.script(adoptScript, [keys.users], [keys.prefix, gatewayId, ...known])) as number;
    }
    if (step.length < STEP) return moved;
    at += step.length - known.length;
  }
}

function isKnown(text: string): boolean {
  try {
    const [field, body] = unreadSchema.parse(JSON.parse(text));
    parseInboxRecord(field, body);
    return true;
  } catch {
    return false;
  }
}
