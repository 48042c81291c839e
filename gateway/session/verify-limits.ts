import { randomInt } from 'node:crypto';
import { FailureCounts } from './failure-counts.ts';
import type { Timed, Wheel } from './wheel.ts';

/** Every attempt for a user waits after failures from all addresses: this multiple of the limit of one address. */
const ALL_ADDRESSES_FACTOR = 5;
const FIRST_DELAY_MS = 250;
/** The longest delay of one attempt: 5 s, or this share of AUTH_TIMEOUT_MS if that is less. The right token always gets in. */
const MAX_DELAY_MS = 5_000;
const MAX_DELAY_SHARE = 0.25;
/** Pairs that have verified, in each of two generations. As hashes: each connection of an idle fleet is one. */
const MAX_KNOWN = 25_000;

/**
 * Limits on failed verifies: per user and address, per user, and per address over all users. An attempt over a limit
 * is not refused. It waits before its token is checked, longer with every failure: guessing becomes slow, and nobody
 * can lock a user out. An address that has verified as a user is not delayed for that user.
 *
 * Verifies that succeed are limited per user in the same way, because each writes events. An honest fleet of any size
 * behind one address never waits.
 *
 * Each gateway counts for itself, in bounded memory.
 */
export class VerifyLimits {
  readonly #wheel: Pick<Wheel, 'set'>;
  readonly #counters: { delayedVerifies: number };
  readonly #pairs: FailureCounts;
  readonly #users: FailureCounts;
  readonly #addresses: FailureCounts;
  /** Verifies that succeeded, by user. */
  readonly #claims: FailureCounts;
  readonly #maxDelayMs: number;
  readonly #seed = randomInt(2 ** 32);
  #known = new Set<number>();
  #olderKnown = new Set<number>();

  constructor(parts: {
    settings: {
      maxVerifyFailuresPerUser: number;
      maxVerifyFailuresPerAddress: number;
      maxVerifiesPerUser: number;
      authTimeoutMs: number;
    };
    wheel: Pick<Wheel, 'set'>;
    counters: { delayedVerifies: number };
  }) {
    const { maxVerifyFailuresPerUser: perUser, maxVerifyFailuresPerAddress: perAddress } = parts.settings;
    this.#wheel = parts.wheel;
    this.#counters = parts.counters;
    this.#pairs = new FailureCounts(perUser);
    this.#users = new FailureCounts(perUser * ALL_ADDRESSES_FACTOR);
    this.#addresses = new FailureCounts(perAddress);
    this.#claims = new FailureCounts(parts.settings.maxVerifiesPerUser);
    this.#maxDelayMs = Math.min(MAX_DELAY_MS, parts.settings.authTimeoutMs * MAX_DELAY_SHARE);
  }

  /** Calls `go` when the token may be checked: at once, or after a delay. */
  admit(userId: string, address: string, go: () => void): void {
    const delayMs = this.delayMs(userId, address, performance.now());
    if (delayMs === 0) return go();
    this.#counters.delayedVerifies += 1;
    this.#wheel.set(new DelayedCall(go), performance.now() + delayMs);
  }

  delayMs(userId: string, address: string, nowMs: number): number {
    const excess = Math.max(this.#claims.excess(userId, nowMs), this.#failures(userId, address, nowMs));
    return excess <= 0 ? 0 : Math.min(this.#maxDelayMs, FIRST_DELAY_MS * 2 ** Math.min(excess - 1, 10));
  }

  #failures(userId: string, address: string, nowMs: number): number {
    if (this.#pairs.size === 0 && this.#addresses.size === 0) return 0;
    const pair = pairOf(userId, address);
    const excess = Math.max(
      this.#pairs.excess(pair, nowMs),
      this.#users.excess(userId, nowMs),
      this.#addresses.excess(address, nowMs),
    );
    return excess > 0 && this.#isKnown(hashOf(pair, this.#seed)) ? 0 : excess;
  }

  #isKnown(pair: number): boolean {
    return this.#known.has(pair) || this.#olderKnown.has(pair);
  }

  succeeded(userId: string, address: string, nowMs: number): void {
    this.#claims.add(userId, nowMs);
    this.#known.add(hashOf(pairOf(userId, address), this.#seed));
    if (this.#known.size < MAX_KNOWN) return;
    this.#olderKnown = this.#known;
    this.#known = new Set();
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

/** FNV-1a, 30 bits. Nobody outside knows the seed, so nobody can look for a pair that hashes as another one. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 16_777_619);
  return hash >>> 2;
}
