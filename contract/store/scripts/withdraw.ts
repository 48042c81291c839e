import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { AUDIT_LUA } from './audit.ts';
import { ALLOW_FULL, defineScript, pushList, readLua } from './library.ts';
import type { RouteCommand } from './route.ts';

const withdrawScript = defineScript(
  'withdraw',
  ALLOW_FULL,
  AUDIT_LUA,
  readLua(new URL('./withdraw.lua', import.meta.url)),
);

/**
 * Takes back a request without a key of its caller's that is refused for want of an answer: what it may have left in
 * mailboxes goes, and gateways that have not delivered it yet leave it out. May be repeated.
 */
export async function withdrawCommands(
  redis: RedisPort,
  keys: Keys,
  commands: readonly Pick<RouteCommand, 'to' | 'from'>[],
  options: { idempotencyKey: string; auditMax: number },
): Promise<number> {
  const args: RedisArgument[] = [keys.prefix, options.idempotencyKey, options.auditMax, commands[0]?.from ?? ''];
  for (const { to } of commands) {
    if (typeof to === 'string') args.push(0);
    else pushList(args, to);
  }
  // Whole: a store that does not answer cannot say that it does not know the digest.
  return (await redis.command('EVAL', withdrawScript.lua, 1, keys.users, ...args)) as number;
}

/** Which of the messages with ids from `first` to `last` were withdrawn. */
export async function withdrawnMessages(
  redis: RedisPort,
  keys: Keys,
  first: string,
  last: string,
): Promise<ReadonlySet<string>> {
  return new Set((await redis.command('ZRANGEBYSCORE', keys.withdrawn, first, last)) as string[]);
}
