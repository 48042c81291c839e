/** What is looked at of a session. */
export interface ObservedSession {
  readonly state: string;
  readonly outbox: { readonly bytes: number; readonly stalledSinceMs: number };
}

interface Totals {
  /** Served from their mailboxes because they are behind, or have just come. */
  replaying: number;
  /** Whose reader has not read for a second and more. */
  stalled: number;
  outboxBytes: number;
  largestOutboxBytes: number;
}

/** A slow network lets the kernel's buffer be full for a moment: that is no stall. */
const STALLED_MS = 1_000;
/** Of a hundred thousand connections it takes a millisecond. */
const FRESH_MS = 2_000;

/** Sums over all connections, made when somebody asks, and kept for a moment. */
export class SessionTotals {
  readonly #sessions: () => Iterable<ObservedSession>;
  #totals: Totals | undefined;
  #madeAtMs = 0;

  constructor(sessions: () => Iterable<ObservedSession>) {
    this.#sessions = sessions;
  }

  get now(): Totals {
    const nowMs = performance.now();
    if (this.#totals !== undefined && nowMs - this.#madeAtMs < FRESH_MS) return this.#totals;
    const totals = { replaying: 0, stalled: 0, outboxBytes: 0, largestOutboxBytes: 0 };
    for (const { state, outbox } of this.#sessions()) {
      if (state === 'replaying') totals.replaying += 1;
      if (outbox.stalledSinceMs > 0 && nowMs - outbox.stalledSinceMs >= STALLED_MS) totals.stalled += 1;
      totals.outboxBytes += outbox.bytes;
      totals.largestOutboxBytes = Math.max(totals.largestOutboxBytes, outbox.bytes);
    }
    this.#totals = totals;
    this.#madeAtMs = nowMs;
    return totals;
  }
}
