import { createHash } from 'node:crypto';
import type { Keys } from '../../contract/store/keys.ts';
import { ALLOW_FULL, defineScript, readLua } from '../../contract/store/scripts/library.ts';
import { networkOf } from '../../shared/address.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { HttpRefusal } from '../http/refusal.ts';

/**
 * Limits on failed logins. Nothing here locks a user out: failures from other addresses cost an address that has
 * never logged in as the user its free tries, and cost a known address nothing.
 *
 *   pair     (user, address): FREE_TRIES wrong passwords without a pause, then 1, 2, 4 … s, at most MAX_PAUSE_MS
 *   user     wrong passwords from everywhere within an hour: above USER_FAILURES a new address has one free try
 *   address  wrong passwords over all users: a burst, then one a second; addresses known for the user are let through
 *   known    (user, address) pairs that have logged in; for KNOWN_SECONDS
 *   tries    (user, address): those in flight, at most as many as are free; at a known address KNOWN_PARALLEL_TRIES
 *
 * The numbers are in login-attempt.lua and succeeded-library.lua.
 */
const attemptScript = defineScript(
  'login_attempt',
  ALLOW_FULL,
  readLua(new URL('./login-attempt.lua', import.meta.url)),
);

/** Keys of one try. Names are hashed: they have a bounded length and reveal nothing. */
interface TryKeys {
  readonly pair: string;
  readonly user: string;
  readonly address: string;
  readonly known: string;
  readonly tries: string;
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

  tryOf(userId: string, sourceIp: string): LoginTry {
    const address = networkOf(sourceIp);
    const pair = short([userId, address]);
    const keys = {
      pair: this.#keys.loginFailures('pair', pair),
      user: this.#keys.loginFailures('user', short([userId])),
      address: this.#keys.loginFailures('address', short([address])),
      known: this.#keys.loginFailures('known', pair),
      tries: this.#keys.loginFailures('tries', pair),
    };
    return new LoginTry(keys, (what, name) => this.#run(keys, what, name));
  }

  async #run({ pair, user, address, known, tries }: TryKeys, what: Step, name: string): Promise<number> {
    const args = [this.#keys.prefix, pair, user, address, known, what, this.#addressBurst, tries, name];
    return Number(await this.#redis.script(attemptScript, [this.#keys.users], args));
  }
}

type Step = 'begin' | 'failed' | 'release';

/** One try to log in. It is counted from before its password is hashed: parallel guesses must not all pass. */
export class LoginTry {
  readonly keys: TryKeys;
  readonly name = crypto.randomUUID();
  readonly #run: (what: Step, name: string) => Promise<number>;

  constructor(keys: TryKeys, run: (what: Step, name: string) => Promise<number>) {
    this.keys = keys;
    this.#run = run;
  }

  /** Refuses with 429 when this address must wait before it tries this user again. */
  async begin(): Promise<void> {
    const waitMs = await this.#run('begin', this.name);
    if (waitMs > 0) throw new HttpRefusal(429, 'too_many_failures', { retryAfterSeconds: waitMs / 1000 });
  }

  /** The password was wrong. */
  async fail(): Promise<void> {
    await this.#run('failed', this.name);
  }

  /** It ends, and is no failure of the caller. */
  async release(): Promise<void> {
    await this.#run('release', this.name);
  }
}

export const SUCCEEDED_LUA = readLua(new URL('./succeeded-library.lua', import.meta.url));

function short(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}
