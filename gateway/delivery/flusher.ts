import type { Join } from '../session/outbox-port.ts';
import { memoisedJoin } from './outbox.ts';
import { TimeBudget } from './time-budget.ts';

/** A write takes some microseconds: the clock is read once in so many. */
const WRITES_PER_CHECK = 16;

interface Flushable {
  flush(join: Join, nowMs: number): void;
}

/** Flushes, once per turn of the event loop, the outboxes that gathered something; what takes long goes on in the next turn. */
export class Flusher {
  #dirty: Flushable[] = [];
  #scheduled = false;
  readonly #before: (nowMs: number, budget: TimeBudget) => boolean;
  readonly #flush = () => this.#flushSome();

  /** `before` is called ahead of every flush, and may gather more or take back what was gathered. It returns whether it is done. */
  constructor(before: (nowMs: number, budget: TimeBudget) => boolean) {
    this.#before = before;
  }

  /** To be called when an outbox gathered its first item. */
  schedule(outbox: Flushable): void {
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
    if (!this.#before(now, new TimeBudget(WRITES_PER_CHECK))) this.wake();
    const outboxes = this.#dirty;
    this.#dirty = [];
    // One join per turn: what it keeps does not outlive the turn.
    const join = memoisedJoin();
    const budget = new TimeBudget(WRITES_PER_CHECK);
    let done = 0;
    for (const outbox of outboxes) {
      outbox.flush(join, now);
      done += 1;
      if (budget.isSpent()) break;
    }
    if (done === outboxes.length) return;
    this.#dirty = [...outboxes.slice(done), ...this.#dirty];
    this.wake();
  }
}
