import { FailureCounts } from './failure-counts.ts';
import type { Timed, Wheel } from './wheel.ts';

/** Failures for one user from all addresses: so many times the limit of one address, before every attempt for that user waits. */
const ALL_ADDRESSES_FACTOR = 5;
const FIRST_DELAY_MS = 250;
/** Well below the default AUTH_TIMEOUT_MS: a client with the right token always gets in, however many others fail. */
const MAX_DELAY_MS = 5_000;

/**
 * Limits on failed verifies: per user and address, per user, and per address over all users. An attempt over a limit
 * is not refused. It waits before its token is checked, longer with every failure: guessing becomes slow, and nobody
 * can lock a user out. Only failures count, so an honest fleet of any size behind one address never waits.
 *
 * Each gateway counts for itself, in bounded memory.
 */
export class VerifyLimits {
  readonly #wheel: Pick<Wheel, 'set'>;
  readonly #counters: { delayedVerifies: number };
  readonly #pairs: FailureCounts;
  readonly #users: FailureCounts;
  readonly #addresses: FailureCounts;

  constructor(parts: {
    settings: { maxVerifyFailuresPerUser: number; maxVerifyFailuresPerAddress: number };
    wheel: Pick<Wheel, 'set'>;
    counters: { delayedVerifies: number };
  }) {
    const { maxVerifyFailuresPerUser: perUser, maxVerifyFailuresPerAddress: perAddress } = parts.settings;
    this.#wheel = parts.wheel;
    this.#counters = parts.counters;
    this.#pairs = new FailureCounts(perUser);
    this.#users = new FailureCounts(perUser * ALL_ADDRESSES_FACTOR);
    this.#addresses = new FailureCounts(perAddress);
  }

  /** Calls `go` when the token may be checked: at once, or after a delay. */
  admit(userId: string, address: string, go: () => void): void {
    const delayMs = this.delayMs(userId, address, performance.now());
    if (delayMs === 0) return go();
    this.#counters.delayedVerifies += 1;
    this.#wheel.set(new DelayedCall(go), performance.now() + delayMs);
  }

  delayMs(userId: string, address: string, nowMs: number): number {
    const excess = Math.max(
      this.#pairs.excess(pairOf(userId, address), nowMs),
      this.#users.excess(userId, nowMs),
      this.#addresses.excess(address, nowMs),
    );
    return excess <= 0 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(excess - 1, 10));
  }

  /** `userId` undefined: the frame named no user. */
  failed(userId: string | undefined, address: string, nowMs: number): void {
    this.#addresses.add(address, nowMs);
    if (userId === undefined) return;
    this.#pairs.add(pairOf(userId, address), nowMs);
    this.#users.add(userId, nowMs);
  }
}

/** An attempt that waits: a place in the wheel, no timer of its own. */
class DelayedCall implements Timed {
  slot = -1;
  readonly #go: () => void;

  constructor(go: () => void) {
    this.#go = go;
  }

  onDeadline(): number {
    this.#go();
    return 0;
  }
}

/** Addresses have no line feed: no two pairs share a name. */
function pairOf(userId: string, address: string): string {
  return `${address}\n${userId}`;
}
