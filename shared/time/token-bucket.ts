/**
 * A bucket of tokens: full at first, it refills at a steady rate up to its capacity. A caller that takes more tokens than there are
 * is in debt, and waits until the debt is paid. Times are ms of one clock, which the caller reads.
 */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #capacity: number;
  #tokens: number;
  #refilledAtMs: number;

  constructor(perSecond: number, capacity: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#capacity = capacity;
    this.#tokens = capacity;
    this.#refilledAtMs = nowMs;
  }

  /** Takes tokens, on credit if need be. Returns how many are left. Needs no clock: hot paths refill only when none is left. */
  take(count = 1): number {
    this.#tokens -= count;
    return this.#tokens;
  }

  /** Adds what has accrued since the last call. Returns how many there are. */
  refill(nowMs: number): number {
    const accrued = ((nowMs - this.#refilledAtMs) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#capacity, this.#tokens + accrued);
    this.#refilledAtMs = nowMs;
    return this.#tokens;
  }
}
