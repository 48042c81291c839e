import type { Keys } from '../../contract/store/keys.ts';
import { verifyPassword } from '../../contract/store/passwords.ts';
import { textsOf } from '../../contract/store/redis-reply.ts';
import { withDeadline } from '../../contract/store/scripts/action.ts';
import { ALLOW_FULL, defineScript, readLua, TOKENS_LUA } from '../../contract/store/scripts/library.ts';
import { makeToken, tokenAtRest } from '../../contract/store/tokens.ts';
import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { HttpRefusal } from '../http/refusal.ts';
import type { RedisClock } from '../runtime/redis-clock.ts';
import type { HashingQueue } from './hashing-queue.ts';
import { type LoginLimits, type LoginTry, SUCCEEDED_LUA } from './limits.ts';

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
  /** Returns the password field that was checked, or undefined: the password is wrong. */
  function checked(userId: string, password: string, attempt: LoginTry): Promise<string | undefined> {
    return hashing.take(async (hasWaited) => {
      // Others of the same pair may have failed meanwhile.
      if (hasWaited) await attempt.begin();
      const field = await redis.command('HGET', keys.user(userId), 'password');
      const known = typeof field === 'string' ? field : undefined;
      const isRight = await verifyPassword(password, known);
      if (!isRight) await attempt.fail();
      return isRight ? known : undefined;
    });
  }

  async function issueToken(userId: string, checkedField: string, attempt: LoginTry): Promise<Login> {
    const token = makeToken(userId);
    const { pair, known, tries } = attempt.keys;
    const args = [keys.prefix, userId, tokenAtRest(token), tokenTtlSeconds, checkedField];
    const issue = async (deadline: number) => {
      const all = [...args, deadline, pair, known, tries, attempt.name];
      return textsOf(await redis.script(issueScript, [keys.users], all));
    };
    const [status, expiresAt] = await withDeadline(clock, issue, ([result]) => result === 'late');
    if (status !== 'ok') throw new HttpRefusal(401, 'bad_login');
    return { token, expiresAt: Number(expiresAt) };
  }

  return async function logIn(userId: string, password: string, sourceIp: string): Promise<Login> {
    const attempt = limits.tryOf(userId, sourceIp);
    await attempt.begin();
    let field: string | undefined;
    try {
      field = await checked(userId, password, attempt);
    } catch (error) {
      // When Redis is away the try expires.
      if (!(error instanceof RedisUnavailableError)) await attempt.release();
      throw error;
    }
    if (field === undefined) throw new HttpRefusal(401, 'bad_login');
    return issueToken(userId, field, attempt);
  };
}
