import { memoisedJoin, type Outbox } from './outbox.ts';
import { Slice } from './time-budget.ts';

/** A write takes some microseconds. */
const WRITES_PER_LOOK = 16;

/** Flushes once per turn of the event loop whatever was gathered in it; what takes long goes on in the next turn. */
export class Flusher {
  #dirty: Outbox[] = [];
  #scheduled = false;
  readonly #before: (nowMs: number, slice: Slice) => boolean;
  readonly #flush = () => this.#flushSome();

  /** `before` is called ahead of every flush, and may gather more or take back what was gathered. Answers whether it is done. */
  constructor(before: (nowMs: number, slice: Slice) => boolean) {
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

  #flushSome(): void {
    const now = performance.now();
    this.#scheduled = false;
    if (!this.#before(now, new Slice(WRITES_PER_LOOK))) this.wake();
    const outboxes = this.#dirty;
    this.#dirty = [];
    // A join of its own per turn: what it remembers does not outlive the turn.
    const join = memoisedJoin();
    const slice = new Slice(WRITES_PER_LOOK);
    let done = 0;
    for (const outbox of outboxes) {
      outbox.flush(join, now);
      done += 1;
      if (slice.isOver()) break;
    }
    if (done === outboxes.length) return;
    this.#dirty = [...outboxes.slice(done), ...this.#dirty];
    this.wake();
  }
}
