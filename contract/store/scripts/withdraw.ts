import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { AUDIT_LUA } from './audit.ts';
import { defineScript } from './library.ts';
import type { RouteCommand } from './route.ts';

/** For so long nobody delivers what was withdrawn. */
const WITHDRAWN_SECONDS = 3_600;

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] idempotency key name of the request · [3] bound of the audit stream, 0: none is kept · [4] who had sent it
 *     then per command, in the order of the request: n, n recipients
 * Returns how many messages are taken back: 0 when the request had not been carried out, and then it never is
 * Atomic because: a request is refused before the route script reads its key, or all of it is taken back.
 */
const withdrawScript = defineScript(
  'withdraw',
  `${AUDIT_LUA}
local name, withdrawn = P .. ARGV[2], P .. 'withdrawn'
local past = redis.call('GET', name)
redis.call('SET', name, 'withdrawn - ', 'EX', ${WITHDRAWN_SECONDS})
local answers = past and string.match(past, '^%- %S* (.*)$')
if not answers then return 0 end
local taken, at = 0, 5
for id in string.gmatch(answers, '(%d+),%d+,%d+,%d+') do
  local n = tonumber(ARGV[at])
  for i = at + 1, at + n do redis.call('ZREMRANGEBYSCORE', P .. 'mailbox:' .. ARGV[i], id, id) end
  at = at + 1 + n
  redis.call('DEL', P .. 'receipt:' .. id)
  redis.call('ZADD', withdrawn, id, id)
  audit(tonumber(ARGV[3]), ARGV[4], 'withdraw', 'message', id)
  taken = taken + 1
end
redis.call('ZREMRANGEBYSCORE', withdrawn, '-inf', int((now - ${WITHDRAWN_SECONDS} * 1000) * 1024))
redis.call('EXPIRE', withdrawn, ${WITHDRAWN_SECONDS})
return taken
`,
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
    else args.push(to.length, ...to);
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
