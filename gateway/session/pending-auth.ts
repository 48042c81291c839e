import type { AddressCount } from '../net/admission.ts';
import { type CloseReason, CloseReasons } from './close-reasons.ts';
import type { Timed, Wheel } from './wheel.ts';

/** How long a connection over its address's limit may take to send its verify, and how much longer per connection over it. */
const GRACE_MS = 1_000;
const GRACE_PER_EXCESS_MS = 1;

/** A connection that has not verified yet. */
export interface PendingConnection extends Timed {
  readonly address: AddressCount;
  close(reason: CloseReason): void;
}

/** What all pending connections of a gateway share. */
export interface PendingAuthParts {
  readonly settings: {
    readonly authTimeoutMs: number;
    /** 0: any number. */
    readonly maxUnverifiedPerAddress: number;
  };
  readonly wheel: Pick<Wheel, 'set'>;
}

/** What a connection is until it is verified: how long it may take, and whether its address has too many such connections. */
export class PendingAuth {
  readonly #parts: PendingAuthParts;
  readonly #connection: PendingConnection;
  readonly #authDeadlineMs: number;
  /** When its verify must have been sent, because its address is over the limit; 0: no such deadline. */
  #graceUntilMs = 0;
  #graceSinceMs = 0;
  #isCounted = false;

  constructor(parts: PendingAuthParts, connection: PendingConnection, nowMs: number) {
    this.#parts = parts;
    this.#connection = connection;
    this.#authDeadlineMs = nowMs + parts.settings.authTimeoutMs;
    parts.wheel.set(connection, this.#authDeadlineMs);
    this.count(true);
  }

  /**
   * Whether this connection counts against its address's limit of unverified connections. Not while its verify is with
   * Redis: a fleet behind one address comes as fast as it is let in. One over the limit gets a moment to send its verify.
   */
  count(counts: boolean): void {
    if (counts === this.#isCounted) return;
    this.#isCounted = counts;
    this.#connection.address.unverified += counts ? 1 : -1;
    if (counts && this.#isOverPendingLimit()) this.#startGracePeriod();
  }

  /** What ends the connection first, and when, ms of the process's clock. */
  nextDeadline(nowMs: number): [CloseReason, number] {
    const hasGrace = this.#graceUntilMs > 0;
    if (hasGrace && nowMs < this.#graceUntilMs && this.#graceUntilMs < this.#authDeadlineMs)
      return [CloseReasons.addressFull, this.#graceUntilMs];
    // Its verify may have arrived and not been read yet: a process that was kept busy reads the sockets first.
    const lateMs = nowMs - this.#graceUntilMs;
    if (hasGrace) setImmediate(() => this.#endGracePeriod(lateMs));
    this.#graceUntilMs = 0;
    return [CloseReasons.authTimeout, this.#authDeadlineMs];
  }

  #startGracePeriod(): void {
    this.#graceSinceMs = performance.now();
    this.#setGraceUntil(this.#graceSinceMs + GRACE_MS);
  }

  /**
   * A fleet connects first and then verifies, and the larger it is the longer that takes; so it does in a process that is
   * kept busy (`lateMs`). While others of the address are being verified, this connection may be the next.
   */
  #endGracePeriod(lateMs: number): void {
    if (!this.#isOverPendingLimit()) return;
    const { address } = this.#connection;
    const excess = address.unverified - this.#parts.settings.maxUnverifiedPerAddress;
    const nowMs = performance.now();
    const untilMs = Math.max(
      this.#graceSinceMs + GRACE_MS + excess * GRACE_PER_EXCESS_MS,
      address.verifiedAtMs + GRACE_MS,
      nowMs + (lateMs > GRACE_MS / 2 ? GRACE_MS : 0),
    );
    if (nowMs >= untilMs) return this.#connection.close(CloseReasons.addressFull);
    this.#setGraceUntil(untilMs);
  }

  #setGraceUntil(untilMs: number): void {
    this.#graceUntilMs = untilMs;
    this.#parts.wheel.set(this.#connection, Math.min(untilMs, this.#authDeadlineMs));
  }

  #isOverPendingLimit(): boolean {
    const max = this.#parts.settings.maxUnverifiedPerAddress;
    return this.#isCounted && max > 0 && this.#connection.address.unverified > max;
  }
}
