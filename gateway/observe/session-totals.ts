import type { Session } from '../session/session.ts';

export interface SessionTotals {
  /** Served from their mailboxes because they are behind, or have just come. */
  replaying: number;
  /** Whose reader has stopped reading. */
  stalled: number;
  outboxBytes: number;
  largestOutboxBytes: number;
  /** Handed to the kernel for those who are here now. */
  bytesWritten: number;
}

const FRESH_MS = 500;

/** Sums over all connections, made when somebody asks: once for all who ask at the same time. */
export class SessionSums {
  readonly #sessions: () => Iterable<Session>;
  #totals: SessionTotals | undefined;
  #madeAtMs = 0;

  constructor(sessions: () => Iterable<Session>) {
    this.#sessions = sessions;
  }

  get now(): SessionTotals {
    const nowMs = performance.now();
    if (this.#totals !== undefined && nowMs - this.#madeAtMs < FRESH_MS) return this.#totals;
    const totals = { replaying: 0, stalled: 0, outboxBytes: 0, largestOutboxBytes: 0, bytesWritten: 0 };
    for (const { state, outbox, socket } of this.#sessions()) {
      if (state === 'replaying') totals.replaying += 1;
      if (outbox.stalledSinceMs > 0) totals.stalled += 1;
      totals.outboxBytes += outbox.bytes;
      totals.largestOutboxBytes = Math.max(totals.largestOutboxBytes, outbox.bytes);
      if (state !== 'closed') totals.bytesWritten += socket.bytesWritten;
    }
    this.#totals = totals;
    this.#madeAtMs = nowMs;
    return totals;
  }
}
