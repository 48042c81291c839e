import { setTimeout as delay } from 'node:timers/promises';
import { hashPassword } from '../../contract/store/passwords.ts';
import { disconnectUser } from '../../contract/store/scripts/sessions.ts';
import { makeToken, tokenAtRest } from '../../contract/store/tokens.ts';
import { userIdSchema } from '../../contract/wire/commands.ts';
import { ExitCode, Failure } from './failure.ts';
import type { Store } from './store.ts';

export interface NewUser {
  password: string;
  isOperator: boolean;
  /** Set the password and the role of an existing user, instead of refusing. */
  replace: boolean;
}

export async function addUser({ redis, keys }: Store, userId: string, user: NewUser): Promise<void> {
  const key = keys.user(checked(userId));
  const isTaken = (await redis.command('HEXISTS', key, 'password')) === 1;
  if (isTaken && !user.replace) {
    throw new Failure(ExitCode.failed, `the user ${userId} is there already`, 'To set a new password use --replace.');
  }
  await redis.pipeline([
    ['HSET', key, 'password', await hashPassword(user.password)],
    user.isOperator ? ['HSET', key, 'role', 'operator'] : ['HDEL', key, 'role'],
    ['ZADD', keys.users, 0, userId],
  ]);
}

/** `expiresAt` in Unix seconds; undefined: it stays until it is replaced. */
export async function issueToken(
  { redis, keys }: Store,
  userId: string,
  ttlSeconds: number,
): Promise<{ token: string; expiresAt: number | undefined }> {
  const key = keys.user(checked(userId));
  if ((await redis.command('EXISTS', key)) !== 1) throw unknownUser(userId);
  const token = makeToken(userId);
  const expiresAt = ttlSeconds === 0 ? undefined : Math.floor(Date.now() / 1_000) + ttlSeconds;
  await redis.pipeline([
    ['HSET', key, 'token', tokenAtRest(token), ...(expiresAt === undefined ? [] : ['token_expires_at', expiresAt])],
    ...(expiresAt === undefined ? [['HDEL', key, 'token_expires_at']] : []),
  ]);
  return { token, expiresAt };
}

/** Time limit for a gateway to end the session, ms. A dead gateway is buried within 15 s. */
const SESSION_END_MS = 20_000;

/** The connection ends first: when its gateway records the end of the session, the user must still exist. */
export async function removeUser({ redis, keys }: Store, userId: string): Promise<void> {
  const key = keys.user(checked(userId));
  const presence = await disconnectUser(redis, keys, userId, { reason: 'logged_out', revoke: true });
  if (presence === 'unknown') throw unknownUser(userId);
  const end = performance.now() + SESSION_END_MS;
  while ((await redis.command('HEXISTS', key, 'gateway')) === 1 && performance.now() < end) await delay(50);
  await redis.pipeline([
    ['DEL', key],
    ['DEL', keys.mailbox(userId)],
    ['ZREM', keys.users, userId],
  ]);
}

function checked(userId: string): string {
  const result = userIdSchema.safeParse(userId);
  if (result.success) return userId;
  throw new Failure(ExitCode.usage, `the user id ${result.error.issues[0]?.message}`);
}

function unknownUser(userId: string): Failure {
  return new Failure(ExitCode.failed, `there is no user ${userId}`, `Make one: fronttcp users add ${userId}`);
}
