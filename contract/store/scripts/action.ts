import { RedisUnavailableError } from '../../../shared/redis/errors.ts';
import type { RedisArgument, RedisPort, RedisReply, Script } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { readLua } from './library.ts';

export const ACTION_LUA = readLua(new URL('./action-library.lua', import.meta.url));

/** Redis's clock, as far as the caller knows it. */
interface DeadlineClock {
  /** For a call that begins now, ms: what Redis reads later is not carried out. */
  deadline(): Promise<number>;
  /** The next deadline asks Redis for its time. */
  forget(): void;
}

/** Who acts. */
export interface Actor {
  readonly by: string;
  /** Maximum of audit records that are kept; 0: none. */
  readonly max: number;
  /** Left out: the action is carried out whenever Redis reads it. */
  readonly clock?: DeadlineClock;
}

/** Runs the script of an action. Its own arguments follow those of the action. */
export function act(
  redis: RedisPort,
  keys: Keys,
  script: Script,
  actor: Actor,
  args: readonly RedisArgument[],
): Promise<RedisReply> {
  return inTime(actor, (named) => redis.script(script, [keys.users], [keys.prefix, ...named, ...args]));
}

/** Calls with the arguments of an action: deadline, name of this call, maximum of audit records, actor. */
export function inTime(
  { by, max, clock }: Actor,
  call: (named: readonly RedisArgument[]) => Promise<RedisReply>,
): Promise<RedisReply> {
  const named = [`action:${crypto.randomUUID()}`, max, by];
  return withDeadline(
    clock,
    (deadline) => call([deadline, ...named]),
    (reply) => reply === 'late',
  );
}

/**
 * Calls with a deadline by Redis's clock, ms; 0: none. When it was over although the reply came in time, a clock was set: it is
 * called once more. Throws RedisUnavailableError when it is late again.
 */
export async function withDeadline<Reply>(
  clock: DeadlineClock | undefined,
  call: (deadline: number) => Promise<Reply>,
  isLate: (reply: Reply) => boolean,
): Promise<Reply> {
  const attempt = async () => call((await clock?.deadline()) ?? 0);
  let reply = await attempt();
  if (isLate(reply)) {
    clock?.forget();
    reply = await attempt();
  }
  if (isLate(reply)) throw new RedisUnavailableError('the deadline was over before the script ran');
  return reply;
}
