import type { Join } from '../session/outbox-port.ts';
import { memoisedJoin } from './outbox.ts';
import { TimeBudget } from './time-budget.ts';

/** Number of writes between two readings of the clock: a write takes some microseconds. */
const WRITES_PER_CHECK = 16;
/** Outboxes whose writes go to the network together. */
const OUTBOXES_PER_SEND = 32;

interface Flushable {
  begin(join: Join): void;
  finish(join: Join, nowMs: number): void;
}

interface FlusherParts {
  /** Called ahead of every flush; may gather more messages or take some back. Returns whether it is done. */
  readonly before: (nowMs: number, budget: TimeBudget) => boolean;
  /** Sends what the connections were handed. */
  readonly send: () => void;
}

/** Flushes, once per turn of the event loop, the outboxes that gathered something; what takes long goes on in the next turn. */
export class Flusher {
  #dirty: Flushable[] = [];
  #scheduled = false;
  readonly #parts: FlusherParts;
  readonly #flush = () => this.#flushSome();

  constructor(parts: FlusherParts) {
    this.#parts = parts;
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
    if (!this.#parts.before(now, new TimeBudget(WRITES_PER_CHECK))) this.wake();
    const outboxes = this.#dirty;
    this.#dirty = [];
    // One join per turn: its buffer does not outlive the turn.
    const join = memoisedJoin();
    const budget = new TimeBudget(1);
    let done = 0;
    do {
      const first = done;
      done = Math.min(outboxes.length, first + OUTBOXES_PER_SEND);
      for (let i = first; i < done; i += 1) outboxes[i]?.begin(join);
      this.#parts.send();
      for (let i = first; i < done; i += 1) outboxes[i]?.finish(join, now);
    } while (done < outboxes.length && !budget.isSpent());
    if (done === outboxes.length) return;
    this.#dirty = [...outboxes.slice(done), ...this.#dirty];
    this.wake();
  }
}
