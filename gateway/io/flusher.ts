import { memoisedJoin, type Outbox } from './outbox.ts';

/** Flushes once per turn of the event loop whatever was gathered in it. */
export class Flusher {
  #dirty: Outbox[] = [];
  #scheduled = false;
  readonly #before: (nowMs: number) => void;
  readonly #flush = () => this.#flushAll();

  /** `before` is called ahead of every flush, and may gather more or take back what was gathered. */
  constructor(before: (nowMs: number) => void) {
    this.#before = before;
  }

  /** To be called when an outbox gathered its first item. */
  schedule(outbox: Outbox): void {
    this.#dirty.push(outbox);
    this.wake();
  }

  /** Asks for a flush at the end of this turn. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  #flushAll(): void {
    const now = performance.now();
    this.#before(now);
    const outboxes = this.#dirty;
    this.#dirty = [];
    this.#scheduled = false;
    // A join of its own per turn: what it remembers does not outlive the turn.
    const join = memoisedJoin();
    for (const outbox of outboxes) outbox.flush(join, now);
  }
}
