import type { Keys } from '../../contract/store/keys.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import { IDS_PER_MS } from '../../contract/wire/message.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { START_TIMEOUT_MS } from './drivers/failures.ts';

const clockScript = defineScript('clock', readLua(new URL('./clock.lua', import.meta.url)));

/** Redis's time is asked for again after this long, by our clock. */
const LEARN_AGAIN_MS = 60_000;

/**
 * The offset of Redis's clock to ours, so that a command can carry a deadline. A command that is
 * still in a socket when its request ended with 503 is then refused by the script, no matter how late Redis reads it.
 *
 * Every reply bounds the offset from both sides; bounds are narrowed while they agree, and reset when a clock
 * was set. The lower one is used: a deadline may be too early by one round trip, never too late.
 */
export class RedisClock {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  #learnedAtMs = Number.NEGATIVE_INFINITY;
  #lowMs = Number.NEGATIVE_INFINITY;
  #highMs = Number.POSITIVE_INFINITY;

  constructor(redis: RedisPort, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** `redisNowMs` is the reply to a call that began at `startedAtMs` (our clock) and has just ended. */
  learn(redisNowMs: number, startedAtMs: number): void {
    const low = redisNowMs - Date.now();
    const high = redisNowMs + 1 - startedAtMs;
    const agrees = low <= this.#highMs && high >= this.#lowMs;
    this.#lowMs = agrees ? Math.max(low, this.#lowMs) : low;
    this.#highMs = agrees ? Math.min(high, this.#highMs) : high;
    this.#learnedAtMs = Date.now();
  }

  /** The next caller asks Redis: a deadline was over although the reply came in time, so one of the clocks was set. */
  forget(): void {
    this.#learnedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Redis's clock, ms: it is at most one round trip ahead of this. */
  now(): Promise<number> {
    return this.#lowestNow();
  }

  /** The deadline for the script of a call that begins now, by Redis's clock. */
  async deadline(): Promise<number> {
    return Math.floor((await this.#lowestNow()) + START_TIMEOUT_MS);
  }

  /** The highest possible message id at this time: ids that a failover has lost are below it. */
  async highestId(): Promise<number> {
    return Math.floor(await this.#lowestNow()) * IDS_PER_MS;
  }

  /** A lower bound of Redis's clock. Asks Redis when its last reply is a minute old, or our clock was set. */
  async #lowestNow(): Promise<number> {
    if (Math.abs(Date.now() - this.#learnedAtMs) > LEARN_AGAIN_MS) {
      const startedAtMs = Date.now();
      const reply = await this.#redis.script(clockScript, [this.#keys.users], [this.#keys.prefix]);
      this.learn(Number(reply), startedAtMs);
    }
    return Date.now() + this.#lowMs;
  }
}
