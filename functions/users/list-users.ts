import type { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import { sentAtMs } from '../../contract/wire/message.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { SHOWN_MESSAGES, type UsersQuery, type userAnswer, type userDetailAnswer, type usersAnswer } from './schema.ts';

type User = z.infer<typeof userAnswer>;

const listScript = defineScript('list_users', readLua(new URL('./list-users.lua', import.meta.url)));

const describeScript = defineScript('describe_user', readLua(new URL('./describe-user.lua', import.meta.url)));

/** Sorts after every id that begins with the same text. */
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
  const row = (await redis.script(describeScript, [keys.users], [keys.prefix, userId, SHOWN_MESSAGES])) as UserRow | [];
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
