import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import type { Recipient } from '../records.ts';
import { numbersOf } from '../redis-reply.ts';
import { workOf } from '../work.ts';
import { ALLOW_FULL, defineScript, pushList, readLua } from './library.ts';
import type { DeliveryStep } from './receipts.ts';

const settleScript = defineScript('settle', ALLOW_FULL, readLua(new URL('./settle.lua', import.meta.url)));

/** The reply of a client to a message that asked for one. */
export interface Reply {
  /** Id of the message that asked. */
  readonly ask: string;
  readonly userId: string;
  /** JSON text, as the client wrote it. */
  readonly reply: string;
}

/** Messages that leave a session's mailbox for good: `acknowledged` by the client, or `written` to one that cannot acknowledge. */
interface Settlement {
  readonly session: Recipient;
  readonly state: 'acknowledged' | 'written';
  readonly ids: readonly string[];
}

/** Something that became of a message. */
export type Progress = DeliveryStep | Reply | Settlement;

/**
 * Writes it into receipts and mailboxes, in this order, and notifies waiting callers. Returns per item: of a reply whether it
 * counted (1 or 0), of a settlement how many messages left the mailbox, or -1: somebody else has the session. `call`: its
 * name, where a failover may have to be mended.
 */
export async function writeProgress(
  redis: RedisPort,
  keys: Keys,
  items: readonly Progress[],
  call = '',
): Promise<number[]> {
  const args: RedisArgument[] = [keys.prefix, call];
  for (const item of items) {
    if ('ask' in item) args.push('reply', item.ask, item.userId, item.reply);
    else if ('ids' in item) {
      args.push('settle', item.session.userId, item.session.epoch, item.state);
      pushList(args, item.ids);
    } else args.push('mark', item.messageId, item.userId, item.state, item.reason ?? '');
  }
  return numbersOf(await redis.script(settleScript, [keys.users], args));
}

/** The work of Redis for one item (see ../work.ts). */
export function progressWork(item: Progress): number {
  if ('ask' in item) return workOf(1, Buffer.byteLength(item.reply));
  return workOf('ids' in item ? 1 + item.ids.length : 1, 0);
}

/** Returns, per settlement, how many messages left the mailbox; -1: somebody else has the session. `call`: as of `writeProgress`. */
export function settleMessages(
  redis: RedisPort,
  keys: Keys,
  settlements: readonly Settlement[],
  call?: string,
): Promise<number[]> {
  return writeProgress(redis, keys, settlements, call);
}
