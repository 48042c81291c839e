import { z } from 'zod';
import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { parseInboxRecord } from '../records.ts';
import { numberOf, textsOf } from '../redis-reply.ts';
import { inSteps, workOf } from '../work.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';

const readScript = defineScript('read_unread', ALLOW_FULL, readLua(new URL('./read-unread.lua', import.meta.url)));
const adoptScript = defineScript('adopt_unread', ALLOW_FULL, readLua(new URL('./adopt-unread.lua', import.meta.url)));

const unreadSchema = z.tuple([z.string(), z.string()]);

/**
 * Moves records that an older version did not understand, and this one does, into a gateway's own inbox: from there they
 * reach their users as after any change of a session. Returns the number of records.
 */
export async function adoptUnread(redis: RedisPort, keys: Keys, gatewayId: string): Promise<number> {
  let moved = 0;
  for (let at = 0; ; ) {
    const records = textsOf(await redis.script(readScript, [keys.users], [keys.prefix, at]));
    if (records.length === 0) return moved;
    const known = records.filter(isKnown);
    // Each is compared with the list, and written into the inbox.
    for (const step of inSteps(known, (record) => 2 * workOf(1, Buffer.byteLength(record)))) {
      moved += numberOf(await redis.script(adoptScript, [keys.users], [keys.prefix, gatewayId, ...step]));
    }
    at += records.length - known.length;
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
