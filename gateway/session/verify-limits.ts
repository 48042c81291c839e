import type { GatewayConfig } from '../config.ts';
import type { Counters } from '../observe/counters.ts';
import { FailureCounts } from './failure-counts.ts';
import type { Timed, Wheel } from './wheel.ts';

/** Wrong tokens for one user from everywhere: so many times those of one address, before everyone waits for that user. */
const EVERYWHERE = 5;
const FIRST_DELAY_MS = 250;
/** Well under AUTH_TIMEOUT_MS's default: who has the right token always gets in, however many strangers fail. */
const MAX_DELAY_MS = 5_000;

/**
 * Limits on failed verifies, per user and address, per user, and per address over all users. Over a limit an attempt
 * is not refused but waits before its token is looked at, longer with every failure: guessing becomes slow, and nobody
 * can lock a user out. Only failures count, so an honest fleet of any size behind one address never waits.
 *
 * Counted by each gateway for itself, in bounded memory.
 */
export class VerifyLimits {
  readonly #wheel: Wheel;
  readonly #counters: Counters;
  readonly #pairs: FailureCounts;
  readonly #users: FailureCounts;
  readonly #addresses: FailureCounts;

  constructor(parts: { wheel: Wheel; counters: Counters; config: GatewayConfig }) {
    const { maxVerifyFailuresPerUser: perUser, maxVerifyFailuresPerAddress: perAddress } = parts.config;
    this.#wheel = parts.wheel;
    this.#counters = parts.counters;
    this.#pairs = new FailureCounts(perUser);
    this.#users = new FailureCounts(perUser * EVERYWHERE);
    this.#addresses = new FailureCounts(perAddress);
  }

  /** Calls `go` when the attempt may be made: at once, or after its delay. */
  admit(userId: string, address: string, go: () => void): void {
    const delayMs = this.delayMs(userId, address, performance.now());
    if (delayMs === 0) return go();
    this.#counters.delayedVerifies += 1;
    this.#wheel.set(new Later(go), performance.now() + delayMs);
  }

  delayMs(userId: string, address: string, nowMs: number): number {
    const excess = Math.max(
      this.#pairs.excess(pairOf(userId, address), nowMs),
      this.#users.excess(userId, nowMs),
      this.#addresses.excess(address, nowMs),
    );
    return excess <= 0 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(excess - 1, 10));
  }

  /** `userId` undefined: it was not even said who. */
  failed(userId: string | undefined, address: string, nowMs: number): void {
    this.#addresses.add(address, nowMs);
    if (userId === undefined) return;
    this.#pairs.add(pairOf(userId, address), nowMs);
    this.#users.add(userId, nowMs);
  }
}

/** An attempt that waits: a place in the wheel, no timer of its own. */
class Later implements Timed {
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
