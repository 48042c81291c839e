import type { Keys } from '../../contract/store/keys.ts';
import { verifyPassword } from '../../contract/store/passwords.ts';
import { ALLOW_FULL, defineScript, readLua } from '../../contract/store/scripts/library.ts';
import { TOKENS_LUA } from '../../contract/store/scripts/tokens.ts';
import { makeToken, tokenAtRest } from '../../contract/store/tokens.ts';
import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { HttpRefusal } from '../http/refusal.ts';
import type { RedisClock } from '../runtime/redis-clock.ts';
import type { HashingQueue } from './hashing-queue.ts';
import { type LoginLimits, SUCCEEDED_LUA } from './limits.ts';

const issueScript = defineScript(
  'issue_token',
  ALLOW_FULL,
  TOKENS_LUA,
  SUCCEEDED_LUA,
  readLua(new URL('./issue-token.lua', import.meta.url)),
);

interface Parts {
  redis: RedisPort;
  keys: Keys;
  clock: RedisClock;
  limits: LoginLimits;
  hashing: HashingQueue;
  tokenTtlSeconds: number;
}

interface Login {
  token: string;
  /** Unix seconds. */
  expiresAt: number;
}

/**
 * Makes the rule of POST /login: a new token for the right password. It replaces a user's older one; an operator keeps the ten newest.
 * Refuses with the same 401, after the same time, an unknown user, a user without a password, and a wrong password.
 */
export function createLogIn({ redis, keys, clock, limits, hashing, tokenTtlSeconds }: Parts) {
  return async function logIn(userId: string, password: string, sourceIp: string): Promise<Login> {
    const attempt = limits.keysOf(userId, sourceIp);
    await limits.check(attempt);
    const stored = await hashing.take(async (hasWaited) => {
      // Others of the same pair may have failed meanwhile: parallel guesses must not all pass the first check.
      if (hasWaited) await limits.check(attempt);
      const field = await redis.command('HGET', keys.user(userId), 'password');
      const known = typeof field === 'string' ? field : undefined;
      const isRight = await verifyPassword(password, known);
      if (!isRight) await limits.countFailure(attempt);
      return isRight ? known : undefined;
    });
    if (stored === undefined) throw new HttpRefusal(401, 'bad_login');

    const token = makeToken(userId);
    const args = [keys.prefix, userId, tokenAtRest(token), tokenTtlSeconds, stored, await clock.deadline()];
    const reply = await redis.script(issueScript, [keys.users], [...args, attempt.pair, attempt.known]);
    const [status, expiresAt] = reply as [string, string?];
    if (status === 'late') throw new RedisUnavailableError('the token could not be written in time');
    if (status !== 'ok') throw new HttpRefusal(401, 'bad_login');
    return { token, expiresAt: Number(expiresAt) };
  };
}
