import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { tupleOf } from '../redis-reply.ts';
import { ACTION_LUA, type Actor, act } from './action.ts';
import { GROUP_LUA } from './groups.ts';
import { ALLOW_FULL, AUDIT_LUA, defineScript, readLua } from './library.ts';
import { type MailboxBound, mailboxBound } from './mailbox-bound.ts';
import { LATER_LUA, ROUTE_LUA } from './route.ts';

const releaseScript = defineScript(
  'release_scheduled',
  ROUTE_LUA,
  ...LATER_LUA,
  readLua(new URL('./release-scheduled.lua', import.meta.url)),
);
const cancelScript = defineScript(
  'cancel',
  ALLOW_FULL,
  GROUP_LUA,
  ACTION_LUA,
  AUDIT_LUA,
  readLua(new URL('./cancel.lua', import.meta.url)),
);

interface ReleasedCommands {
  /** Number of commands that were released completely. */
  readonly released: number;
  /** Time until the next one is due, ms; 0: more is due now. Undefined: none is scheduled. */
  readonly nextInMs: number | undefined;
}

/** Routes commands that are due, as much as one call may do. */
export async function releaseScheduled(
  redis: RedisPort,
  keys: Keys,
  store: { offlineTtlSeconds: number } & MailboxBound,
  /** The highest message id known to the caller: new ones are above it. */
  highestId: number,
): Promise<ReleasedCommands> {
  const args = [keys.prefix, store.offlineTtlSeconds, mailboxBound(store), highestId];
  const reply = await redis.script(releaseScript, [keys.users], args);
  const [released, nextInMs] = tupleOf(reply, 'number', 'number');
  return { released, nextInMs: nextInMs < 0 ? undefined : nextInMs };
}

export interface Cancellation {
  /** How many of the ids are known. */
  readonly found: number;
  /** Recipients for whom it was cancelled, and those for whom it was too late. */
  readonly cancelled: number;
  readonly tooLate: number;
}

/** Cancels the messages of these commands that have not been written yet. May be repeated: then nothing more is cancelled. */
export async function cancelCommands(
  redis: RedisPort,
  keys: Keys,
  ids: readonly string[],
  actor: Actor,
): Promise<Cancellation> {
  let cancelled = 0;
  for (;;) {
    const reply = await act(redis, keys, cancelScript, actor, ids);
    const [status, found, now, tooLate] = tupleOf(reply, 'text', 'number', 'number', 'number');
    cancelled += now;
    if (status === 'done') return { found, cancelled, tooLate };
  }
}
