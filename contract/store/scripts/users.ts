import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { hashPassword } from '../passwords.ts';
import { listOf, tupleOf, wordOf } from '../redis-reply.ts';
import { makeToken, tokenAtRest } from '../tokens.ts';
import { ACTION_LUA, type Actor, act } from './action.ts';
import { ALLOW_FULL, AUDIT_LUA, defineScript, readLua, TOKENS_LUA } from './library.ts';
import { SESSION_LUA } from './sessions.ts';

interface NewUser {
  /** Undefined: the user has none, and cannot log in. */
  readonly password: string | undefined;
  readonly isOperator: boolean;
  /** Set the password and the role of an existing user, instead of refusing. */
  readonly replace: boolean;
}

const putScript = defineScript('put_user', ACTION_LUA, AUDIT_LUA, readLua(new URL('./put-user.lua', import.meta.url)));

/** `exists`: the user is there already. */
export async function addUser(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  { password, isOperator, replace }: NewUser,
  actor: Actor,
): Promise<'done' | 'exists'> {
  const atRest = password === undefined ? '' : await hashPassword(password);
  const args = [userId, replace ? 'replace' : 'add', atRest, isOperator ? 'operator' : 'user'];
  return wordOf(await act(redis, keys, putScript, actor, args), ['done', 'exists']);
}

/** Tokens and connections stay. */
export async function setPassword(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  password: string,
  actor: Actor,
): Promise<'done' | 'no_user'> {
  const args = [userId, 'password', await hashPassword(password), ''];
  return wordOf(await act(redis, keys, putScript, actor, args), ['done', 'no_user']);
}

const giveTokenScript = defineScript(
  'give_token',
  ALLOW_FULL,
  TOKENS_LUA,
  ACTION_LUA,
  AUDIT_LUA,
  readLua(new URL('./give-token.lua', import.meta.url)),
);

/**
 * Makes a token without a password; it replaces the older one of a user, and an operator keeps the ten newest. `expiresAt` in Unix
 * seconds; undefined, with 0 for `ttlSeconds`: valid until it is replaced.
 */
export async function giveToken(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  ttlSeconds: number,
  actor: Actor,
): Promise<{ token: string; expiresAt: number | undefined } | 'no_user'> {
  const token = makeToken(userId);
  const reply = await act(redis, keys, giveTokenScript, actor, [userId, tokenAtRest(token), ttlSeconds]);
  if (listOf(reply)[0] === 'no_user') return 'no_user';
  const [, expiresAt] = tupleOf(reply, 'text', 'text');
  return { token, expiresAt: expiresAt ? Number(expiresAt) : undefined };
}

const CLEAR_LUA = readLua(new URL('./clear-library.lua', import.meta.url));

const clearScript = defineScript(
  'clear_mailbox',
  ALLOW_FULL,
  ACTION_LUA,
  AUDIT_LUA,
  CLEAR_LUA,
  readLua(new URL('./clear-mailbox.lua', import.meta.url)),
);

/** Deletes what waits now, in steps. Returns the number of messages; undefined for an unknown user. */
export async function clearMailbox(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  actor: Actor,
): Promise<number | undefined> {
  let upTo = '';
  let total = 0;
  for (;;) {
    const reply = await act(redis, keys, clearScript, actor, [userId, upTo]);
    if (listOf(reply).length === 0) return upTo === '' ? undefined : total;
    const [last, deleted, isMore] = tupleOf(reply, 'text', 'number', 'number');
    total += deleted;
    if (isMore !== 1) return total;
    upTo = last;
  }
}

const removeScript = defineScript(
  'remove_user',
  ALLOW_FULL,
  SESSION_LUA,
  ACTION_LUA,
  AUDIT_LUA,
  CLEAR_LUA,
  readLua(new URL('./remove-user.lua', import.meta.url)),
);

/** Ends the tokens and the connection, and forgets the user with all that waits. `highestId` as in a claim. */
export async function removeUser(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  { highestId = 0, ...actor }: Actor & { highestId?: number },
): Promise<'removed' | 'unknown'> {
  for (;;) {
    const reply = await act(redis, keys, removeScript, actor, [userId, highestId]);
    const outcome = wordOf(reply, ['removed', 'unknown', 'more']);
    if (outcome !== 'more') return outcome;
  }
}

const listScript = defineScript('list_mailbox', readLua(new URL('./list-mailbox.lua', import.meta.url)));

interface WaitingMessages {
  /** Of all messages that wait. */
  readonly total: number;
  /** Per message its id, command id and expiry, ms. */
  readonly heads: readonly (readonly string[])[];
  readonly hasMore: boolean;
}

/** The heads of messages that wait, by id, after `after`; undefined for an unknown user. A page of large messages may be short. */
export async function listMailbox(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  { after, limit }: { after: string; limit: number },
): Promise<WaitingMessages | undefined> {
  const reply = await redis.script(listScript, [keys.users], [keys.prefix, userId, after, limit]);
  if (listOf(reply).length === 0) return undefined;
  const [total, heads, more] = tupleOf(reply, 'number', 'rows', 'number');
  return { total, heads, hasMore: more === 1 };
}
