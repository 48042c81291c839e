import { type CloseReason, CloseReasons } from './close-reasons.ts';
import type { Session } from './session.ts';

/** How long one may say nothing that came when its address had enough of such, and how much longer for each that is too many. */
const CROWDED_MS = 1_000;
const CROWDED_MS_EACH = 1;

/** What a connection is until it is verified: how long it may take, and one of how many of its address it is. */
export class Newcomer {
  readonly #session: Session;
  readonly #authDeadlineMs: number;
  /** Until when it must have sent its verify, because its address has too many that have not; 0: it need not. */
  #crowdedUntilMs = 0;
  #crowdedSinceMs = 0;
  /** Whether it is one of `address.unverified`. */
  #isCounted = false;

  constructor(session: Session, nowMs: number) {
    const { config, wheel } = session.context;
    this.#session = session;
    this.#authDeadlineMs = nowMs + config.authTimeoutMs;
    wheel.set(session, this.#authDeadlineMs);
    this.count(true);
  }

  /**
   * Whether it counts as one of its address that have yet to say who they are. Not while its verify is with Redis: a
   * fleet behind one address comes as fast as it is let in. Who is one too many has a moment to send its verify.
   */
  count(counts: boolean): void {
    if (counts === this.#isCounted) return;
    this.#isCounted = counts;
    this.#session.address.unverified += counts ? 1 : -1;
    if (counts && this.#isOneTooMany()) this.#standInCrowd();
  }

  /** What ends it first, and when, ms of the process's clock. */
  due(nowMs: number): [CloseReason, number] {
    const isCrowded = this.#crowdedUntilMs > 0;
    if (isCrowded && nowMs < this.#crowdedUntilMs && this.#crowdedUntilMs < this.#authDeadlineMs)
      return [CloseReasons.addressFull, this.#crowdedUntilMs];
    // Its verify may be there and not have been read yet: a process that was kept waiting asks the sockets first.
    const lateMs = nowMs - this.#crowdedUntilMs;
    if (isCrowded) setImmediate(() => this.#leaveCrowd(lateMs));
    this.#crowdedUntilMs = 0;
    return [CloseReasons.authTimeout, this.#authDeadlineMs];
  }

  #standInCrowd(): void {
    this.#crowdedSinceMs = performance.now();
    this.#setCrowdedUntil(this.#crowdedSinceMs + CROWDED_MS);
  }

  /**
   * A fleet connects first and then verifies, and the larger it is the longer that takes; so does a process that is kept
   * waiting (`lateMs`). Where others of the address are being verified right now, the next may be this one.
   */
  #leaveCrowd(lateMs: number): void {
    if (!this.#isOneTooMany()) return;
    const { context, address } = this.#session;
    const excess = address.unverified - context.config.maxUnverifiedPerAddress;
    const nowMs = performance.now();
    const untilMs = Math.max(
      this.#crowdedSinceMs + CROWDED_MS + excess * CROWDED_MS_EACH,
      address.verifiedAtMs + CROWDED_MS,
      nowMs + (lateMs > CROWDED_MS / 2 ? CROWDED_MS : 0),
    );
    if (nowMs >= untilMs) return this.#session.close(CloseReasons.addressFull);
    this.#setCrowdedUntil(untilMs);
  }

  #setCrowdedUntil(untilMs: number): void {
    this.#crowdedUntilMs = untilMs;
    this.#session.context.wheel.set(this.#session, Math.min(untilMs, this.#authDeadlineMs));
  }

  #isOneTooMany(): boolean {
    const most = this.#session.context.config.maxUnverifiedPerAddress;
    return this.#isCounted && most > 0 && this.#session.address.unverified > most;
  }
}

/** Connections of one address; shared by them. */
export interface AddressCount {
  /** As `networkOf` gives it. */
  readonly network: string;
  connections: number;
  /** Of these, such as have yet to say who they are. */
  unverified: number;
  /** When one of them was last verified, ms of the process's clock. */
  verifiedAtMs: number;
}
