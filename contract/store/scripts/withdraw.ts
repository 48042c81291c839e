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
 * Revokes a request without a caller's key that is refused because the store did not reply: its messages
 * leave the mailboxes, and gateways that have not delivered them yet skip them. May be repeated.
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
  // The complete script text: a store that does not reply cannot report that it does not know the digest.
  return (await redis.command('EVAL', withdrawScript.lua, 1, keys.users, ...args)) as number;
}

/** Returns the revoked messages among those with ids from `first` to `last`. */
export async function withdrawnMessages(
  redis: RedisPort,
  keys: Keys,
  first: string,
  last: string,
): Promise<ReadonlySet<string>> {
  return new Set((await redis.command('ZRANGEBYSCORE', keys.withdrawn, first, last)) as string[]);
}
