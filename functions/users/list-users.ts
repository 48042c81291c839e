import type { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { listOf, tupleOf } from '../../contract/store/redis-reply.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import { listMailbox } from '../../contract/store/scripts/users.ts';
import { sentAtMs } from '../../contract/wire/message.ts';
import type { RedisArgument, RedisPort } from '../../shared/redis/port.ts';
import {
  type messagesAnswer,
  type messagesQuery,
  SHOWN_MESSAGES,
  type UsersQuery,
  type userAnswer,
  type userDetailAnswer,
  type usersAnswer,
  type waitingMessage,
} from './schema.ts';

type User = z.infer<typeof userAnswer>;

const ROW_LUA = readLua(new URL('./user-row.lua', import.meta.url));

const listScript = defineScript('list_users', ROW_LUA, readLua(new URL('./list-users.lua', import.meta.url)));
const findScript = defineScript('find_users', ROW_LUA, readLua(new URL('./find-users.lua', import.meta.url)));

const describeScript = defineScript('describe_user', readLua(new URL('./describe-user.lua', import.meta.url)));

/** Sorts after every id that begins with the same text. */
const LAST = '\u{10ffff}\u{10ffff}';

/** A search looks at up to 2,000 users per call, and makes up to this number of calls for one page. */
const SEARCH_CALLS = 10;

/** A page of users in the order of their ids (of their UTF-8 bytes). A page of a search may be short, or empty, although more follow. */
export async function listUsers(redis: RedisPort, keys: Keys, query: UsersQuery): Promise<z.infer<typeof usersAnswer>> {
  const { limit, cursor, q = '', offset, contains = '', online } = query;
  const to = q === '' ? '+' : `[${q}${LAST}`;
  const from = cursor ? `(${cursor}` : q === '' ? '-' : `[${q}`;
  if (contains !== '' || online !== undefined) {
    const presence = online === undefined ? '' : online ? 1 : 0;
    return findUsers(redis, keys, [from, to], limit, [contains, presence]);
  }
  const reply = await redis.script(listScript, [keys.users], [keys.prefix, from, to, limit, offset]);
  const [total, rows] = tupleOf(reply, 'number', 'rows');
  const users = rows.map(userOf);
  const hasMore = total > offset + users.length;
  return { users, cursor: (hasMore && users.at(-1)?.phone_number) || null, total: cursor ? null : total };
}

async function findUsers(
  redis: RedisPort,
  keys: Keys,
  [from, to]: readonly [string, string],
  limit: number,
  wanted: readonly [contains: string, presence: RedisArgument],
): Promise<z.infer<typeof usersAnswer>> {
  const users: User[] = [];
  let next = from;
  for (let call = 0; call < SEARCH_CALLS; call += 1) {
    const args = [keys.prefix, next, to, limit - users.length, ...wanted];
    const [last, rows] = tupleOf(await redis.script(findScript, [keys.users], args), 'text', 'rows');
    users.push(...rows.map(userOf));
    if (last === '') return { users, cursor: null, total: null };
    next = `(${last}`;
    if (users.length === limit) break;
  }
  return { users, cursor: next.slice(1), total: null };
}

/** See describe-user.lua. */
const DESCRIBED = [
  ...(['text', 'text', 'text', 'text', 'text', 'text'] as const),
  ...(['number', 'text', 'text', 'number', 'text', 'rows'] as const),
] as const;

export async function describeUser(
  redis: RedisPort,
  keys: Keys,
  userId: string,
): Promise<z.infer<typeof userDetailAnswer> | undefined> {
  const reply = await redis.script(describeScript, [keys.users], [keys.prefix, userId, SHOWN_MESSAGES]);
  if (listOf(reply).length === 0) return undefined;
  const row = tupleOf(reply, ...DESCRIBED);
  const [id, role, gateway, connectedAt, lastSeen, lost, mailbox, epoch, form, hasToken, tokenExpiresAt, heads] = row;
  return {
    ...userOf([id, role, gateway, connectedAt, lastSeen]),
    session: gateway === '' ? null : { epoch: Number(epoch), acknowledges: form === 'ack' },
    token: hasToken === 1 ? { expires_at: tokenExpiresAt === '' ? null : Number(tokenExpiresAt) } : null,
    mailbox,
    messages: heads.map(messageOf),
    lost: Number(lost),
  };
}

export async function listMessages(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  { cursor, limit }: z.output<typeof messagesQuery>,
): Promise<z.infer<typeof messagesAnswer> | undefined> {
  const page = await listMailbox(redis, keys, userId, { after: cursor, limit });
  if (page === undefined) return undefined;
  const messages = page.heads.map(messageOf);
  return { total: page.total, messages, cursor: page.hasMore ? (messages.at(-1)?.id ?? null) : null };
}

function messageOf([id = '', commandId, expiresAt]: readonly string[]): z.infer<typeof waitingMessage> {
  const expires_at = expiresAt === '0' ? null : Number(expiresAt);
  return { id, command_id: Number(commandId), sent_at: sentAtMs(id), expires_at };
}

function userOf([id = '', role, gateway, connectedAt, lastSeen]: readonly string[]): User {
  return {
    phone_number: id,
    role: role || null,
    online: Boolean(gateway),
    gateway: gateway || null,
    connected_at: connectedAt ? Number(connectedAt) : null,
    last_seen: lastSeen ? Number(lastSeen) : null,
  };
}
