import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { numbersOf, textsOf } from '../redis-reply.ts';
import { inSteps, STEP_WORK, takeOutWork } from '../work.ts';
import { GROUP_LUA } from './groups.ts';
import { ALLOW_FULL, AUDIT_LUA, defineScript, pushList, readLua } from './library.ts';
import { type RouteCommand, recipientsOf } from './route.ts';

const withdrawScript = defineScript(
  'withdraw',
  ALLOW_FULL,
  GROUP_LUA,
  AUDIT_LUA,
  readLua(new URL('./withdraw.lua', import.meta.url)),
);

type WithdrawnCommand = Pick<RouteCommand, 'to' | 'group' | 'replaces' | 'body' | 'from'>;

/** A command, or some of its recipients. */
interface Part {
  /** Its place in the request; the first is 1. */
  readonly place: number;
  readonly group: string;
  readonly replaces: string;
  readonly to: readonly string[];
  readonly work: number;
}

/**
 * Withdraws a request without a caller's key that is refused because the store did not reply: its messages
 * leave the mailboxes, and gateways that have not delivered them yet skip them. May be repeated. Returns their number.
 */
export async function withdrawCommands(
  redis: RedisPort,
  keys: Keys,
  commands: readonly WithdrawnCommand[],
  options: { idempotencyKey: string; auditMax: number },
): Promise<number> {
  const parts = commands.flatMap((command, at) => partsOf(command, at + 1));
  const head = [keys.prefix, options.idempotencyKey, options.auditMax, commands[0]?.from ?? ''];
  const calls = inSteps(parts, ({ work }) => work).map((step) => {
    // The complete script text: a store that does not reply cannot report that it does not know the digest.
    const call: RedisArgument[] = ['EVAL', withdrawScript.lua, 1, keys.users, ...head];
    for (const { place, group, replaces, to } of step) {
      call.push(place, group, replaces);
      pushList(call, to);
    }
    return call;
  });
  // Together, so that all of them have left when the caller gives up.
  const withdrawn = numbersOf(await redis.pipeline(calls));
  return withdrawn.reduce((sum, count) => sum + count, 0);
}

/** Parts of at most a step of work each. */
function partsOf({ to, group = '', replaces = '', body }: WithdrawnCommand, place: number): Part[] {
  const part = { place, group, replaces, to: [] };
  if (group !== '') return [{ ...part, work: STEP_WORK }];
  const recipients = recipientsOf(to);
  if (recipients.length === 0) return [{ ...part, work: 1 }];
  // What was replaced is put back: it is taken to be as large.
  const each = takeOutWork(Buffer.byteLength(body)) * (replaces === '' ? 1 : 2);
  const size = Math.floor(STEP_WORK / each);
  const parts: Part[] = [];
  for (let from = 0; from < recipients.length; from += size) {
    const some = recipients.slice(from, from + size);
    parts.push({ ...part, to: some, work: some.length * each });
  }
  return parts;
}

/** Returns the withdrawn messages among those with ids from `first` to `last`. */
export async function withdrawnMessages(
  redis: RedisPort,
  keys: Keys,
  first: string,
  last: string,
): Promise<ReadonlySet<string>> {
  return new Set(textsOf(await redis.command('ZRANGEBYSCORE', keys.withdrawn, first, last)));
}
