import { IDS_PER_MS } from '../../contract/wire/message.ts';

/**
 * Moments on this machine. A suspended machine stops the monotonic clock, and the wall clock may be set: of two moments,
 * the longer of both differences is believed, because a lease that is given up too early costs little.
 */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function momentNow(): Moment {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}

export function elapsedMs(since: Moment, now: Moment = momentNow()): number {
  return Math.max(now.monotonicMs - since.monotonicMs, now.wallMs - since.wallMs);
}

/**
 * Redis's clock as this gateway knows it. It decides when messages expire, and it is brought to Redis with every claim and
 * renewal: a replica that was promoted may be behind, and ids and epochs must go on all the same.
 */
export class StoreClock {
  /** What is to be added to the monotonic clock; undefined before the first reply. Never too much. */
  #offsetMs: number | undefined;

  /** A reply has just come with `redisNowMs`, to a call that was sent at `sentAtMs` of the monotonic clock. */
  learn(redisNowMs: number, sentAtMs: number): void {
    const low = redisNowMs - performance.now();
    const high = redisNowMs + 1 - sentAtMs;
    const known = this.#offsetMs;
    // Above the upper bound: a clock was set, or the store is another one.
    this.#offsetMs = known !== undefined && known <= high ? Math.max(low, known) : low;
  }

  /** At most what Redis's clock shows, less by up to one round trip; before the first reply, this machine's own clock. */
  nowMs(): number {
    return this.#offsetMs === undefined ? Date.now() : performance.now() + this.#offsetMs;
  }

  /**
   * How far Redis was behind what it must have shown when this was sent, ms; 0 or less: it was not. However long the reply
   * was on its way. Ask before `learn`.
   */
  lagMs(redisNowMs: number, sentAtMs: number): number {
    return this.#offsetMs === undefined ? 0 : sentAtMs + this.#offsetMs - redisNowMs;
  }

  /** The highest id that can have been given by now. */
  get highestId(): number {
    return this.#offsetMs === undefined ? 0 : Math.floor(this.nowMs()) * IDS_PER_MS;
  }
}
