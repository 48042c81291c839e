import type { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { defineScript } from '../../contract/store/scripts/library.ts';
import { sentAtMs } from '../../contract/wire/message.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { SHOWN_MESSAGES, type UsersQuery, type userAnswer, type userDetailAnswer, type usersAnswer } from './schema.ts';

type User = z.infer<typeof userAnswer>;

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] lower bound, [3] upper bound of the ids, as ZRANGEBYLEX takes them · [4] most
 * Returns per user {id, role or '', gateway or '', connected_at, last_seen}; '' for what is not there
 * Atomic because: presence is only true beside the leases of the same moment. One round trip, however many users.
 */
const listScript = defineScript(
  'list_users',
  `
local rows = {}
for i, user in ipairs(redis.call('ZRANGEBYLEX', P .. 'users', ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])) do
  local f = redis.call('HMGET', P .. 'user:' .. user, 'role', 'gateway', 'connected_at', 'last_seen')
  rows[i] = { user, f[1] or '', live(f[2]) and f[2] or '', f[3] or '', f[4] or '' }
end
return rows
`,
);

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] user
 * Returns {id, role, gateway, connected_at, last_seen, lost, messages in the mailbox, epoch, form, 1 with a token, its
 *     expiry, the first in the mailbox: per message {id, command id, expiry ms}}, or {} for an unknown user
 * Nothing of a message but its head leaves Redis, and nothing of a token.
 */
const describeScript = defineScript(
  'describe_user',
  `
local user, key = ARGV[2], P .. 'user:' .. ARGV[2]
if redis.call('EXISTS', key) == 0 then return {} end
local f = redis.call('HMGET', key, 'role', 'gateway', 'connected_at', 'last_seen', 'lost', 'epoch', 'form', 'token_expires_at')
local waiting, heads = redis.call('ZCARD', P .. 'mailbox:' .. user), {}
for i, member in ipairs(redis.call('ZRANGE', P .. 'mailbox:' .. user, 0, ${SHOWN_MESSAGES - 1})) do
  heads[i] = { string.match(member, '^%["(%d+)",(%d+),%d+,(%d+)') }
end
return { user, f[1] or '', live(f[2]) and f[2] or '', f[3] or '', f[4] or '', f[5] or '0', waiting, f[6] or '', f[7] or '',
  redis.call('HEXISTS', key, 'token'), f[8] or '', heads }
`,
);

/** Sorts behind every id that begins with the same text. */
const LAST = '\u{10ffff}\u{10ffff}';

/** A page of users in the order of their ids (of their UTF-8 bytes), those that begin with `q`. */
export async function listUsers(redis: RedisPort, keys: Keys, query: UsersQuery): Promise<z.infer<typeof usersAnswer>> {
  const { limit, cursor, q = '' } = query;
  const from = cursor === undefined || cursor === '' ? `[${q}` : `(${cursor}`;
  const to = q === '' ? '+' : `[${q}${LAST}`;
  const rows = await redis.script(
    listScript,
    [keys.users],
    [keys.prefix, q === '' && !cursor ? '-' : from, to, limit + 1],
  );
  const users = (rows as string[][]).map(userOf);
  const page = users.slice(0, limit);
  return { users: page, cursor: users.length > limit ? (page.at(-1)?.phone_number ?? null) : null };
}

export async function describeUser(
  redis: RedisPort,
  keys: Keys,
  userId: string,
): Promise<z.infer<typeof userDetailAnswer> | undefined> {
  const row = (await redis.script(describeScript, [keys.users], [keys.prefix, userId])) as UserRow | [];
  if (row.length === 0) return undefined;
  const [, , gateway, , , lost, mailbox, epoch, form, hasToken, tokenExpiresAt, heads] = row;
  return {
    ...userOf(row),
    session: gateway === '' ? null : { epoch: Number(epoch), acknowledges: form === 'ack' },
    token: hasToken === 1 ? { expires_at: tokenExpiresAt === '' ? null : Number(tokenExpiresAt) } : null,
    mailbox,
    messages: heads.map(([id, commandId, expiresAt]) => ({
      id,
      command_id: Number(commandId),
      sent_at: sentAtMs(id),
      expires_at: expiresAt === '0' ? null : Number(expiresAt),
    })),
    lost: Number(lost),
  };
}

type UserRow = [
  ...[id: string, role: string, gateway: string, connectedAt: string, lastSeen: string, lost: string],
  ...[mailbox: number, epoch: string, form: string, hasToken: number, tokenExpiresAt: string],
  heads: [id: string, commandId: string, expiresAt: string][],
];

function userOf([id, role, gateway, connectedAt, lastSeen]: readonly [...string[]] | UserRow): User {
  return {
    phone_number: id,
    role: role || null,
    online: Boolean(gateway),
    gateway: gateway || null,
    connected_at: connectedAt ? Number(connectedAt) : null,
    last_seen: lastSeen ? Number(lastSeen) : null,
  };
}
