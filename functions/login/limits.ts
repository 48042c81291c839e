import { createHash } from 'node:crypto';
import type { Keys } from '../../contract/store/keys.ts';
import { defineScript } from '../../contract/store/scripts/library.ts';
import { networkOf } from '../../shared/address.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { Refusal } from '../http/refusal.ts';

/**
 * Limits on failed logins. Nothing here locks a user out: what a stranger does elsewhere costs an address that has
 * never been that user's its free tries, and one that has been, nothing.
 *
 *   pair     (user, address): FREE_TRIES wrong passwords without a pause, then 1, 2, 4 … s, at most MAX_PAUSE_MS
 *   user     wrong passwords from everywhere within an hour: over USER_FAILURES a new address has one free try
 *   address  wrong passwords over all users: a burst, then one a second; addresses known for the user are let through
 *   known    (user, address) pairs that have logged in; for KNOWN_SECONDS
 */
const FREE_TRIES = 4;
const MAX_PAUSE_MS = 900_000;
const USER_FAILURES = 50;
const REMEMBER_SECONDS = 3_600;
const KNOWN_SECONDS = 2_592_000;
const ADDRESS_REFILL_MS = 1_000;

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] pair key · [3] user key · [4] address key · [5] known key · [6] 'check' | 'failed'
 *     [7] burst of an address, 0 off
 * Returns how long to wait before the next try, ms: 0 is now
 * Atomic because: a count that is read and written apart lets parallel guesses through.
 */
const attemptScript = defineScript(
  'login_attempt',
  `
local pair, user, address, known = ARGV[2], ARGV[3], ARGV[4], redis.call('EXISTS', ARGV[5]) == 1
local burst = tonumber(ARGV[7])

-- the address: a bucket that holds how many failures it still has, by when it would be full again
local full = math.max(tonumber(redis.call('GET', address) or '0'), now)
local used = (full - now) / ${ADDRESS_REFILL_MS}

if ARGV[6] == 'check' then
  local at = tonumber(redis.call('HGET', pair, 'next_at') or '0')
  local wait = math.max(0, at - now)
  if burst > 0 and not known and used + 1 > burst then
    wait = math.max(wait, (used + 1 - burst) * ${ADDRESS_REFILL_MS})
  end
  return math.ceil(wait)
end

local failures = redis.call('HINCRBY', pair, 'failures', 1)
local total = redis.call('INCR', user)
if total == 1 then redis.call('EXPIRE', user, ${REMEMBER_SECONDS}) end
local free = (known or total <= ${USER_FAILURES}) and ${FREE_TRIES} or 1
local pause = failures < free and 0 or math.min(${MAX_PAUSE_MS}, 1000 * 2 ^ math.min(failures - free, 20))
redis.call('HSET', pair, 'next_at', int(now + pause))
redis.call('EXPIRE', pair, ${REMEMBER_SECONDS})
if burst > 0 then redis.call('SET', address, int(full + ${ADDRESS_REFILL_MS}), 'PX', int(full + ${ADDRESS_REFILL_MS} - now)) end
return pause
`,
);

/** Keys of one attempt. Names are hashed: they are of bounded length and tell nothing. */
export interface AttemptKeys {
  readonly pair: string;
  readonly user: string;
  readonly address: string;
  readonly known: string;
}

export class LoginLimits {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #addressBurst: number;

  constructor(redis: RedisPort, keys: Keys, addressBurst: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#addressBurst = addressBurst;
  }

  keysOf(userId: string, sourceIp: string): AttemptKeys {
    const address = networkOf(sourceIp);
    const pair = short([userId, address]);
    return {
      pair: this.#keys.loginFailures('pair', pair),
      user: this.#keys.loginFailures('user', short([userId])),
      address: this.#keys.loginFailures('address', short([address])),
      known: this.#keys.loginFailures('known', pair),
    };
  }

  /** Refuses 429 when this address must wait before it tries this user again. */
  async check(attempt: AttemptKeys): Promise<void> {
    const waitMs = await this.#run(attempt, 'check');
    if (waitMs > 0) throw new Refusal(429, 'too_many_failures', { retryAfterSeconds: waitMs / 1000 });
  }

  async countFailure(attempt: AttemptKeys): Promise<void> {
    await this.#run(attempt, 'failed');
  }

  async #run({ pair, user, address, known }: AttemptKeys, what: 'check' | 'failed'): Promise<number> {
    const args = [this.#keys.prefix, pair, user, address, known, what, this.#addressBurst];
    return Number(await this.#redis.script(attemptScript, [this.#keys.users], args));
  }
}

/** What forgets the failures of a pair and remembers the address, for the script that writes the token. */
export const SUCCEEDED_LUA = `
local function succeeded(pair, known)
  redis.call('DEL', pair)
  redis.call('SET', known, '1', 'EX', ${KNOWN_SECONDS})
end
`;

function short(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}
