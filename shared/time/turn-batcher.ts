import { Latch } from './latch.ts';

export interface Batching<T> {
  /** Returns how many of the waiting items make the next batch, from the first on: at least 1. */
  readonly size: (waiting: readonly T[]) => number;
  /** Must not reject. The next batch begins when it has resolved. */
  readonly run: (batch: readonly T[]) => Promise<void>;
}

/**
 * Collects the items of one turn of the event loop into batches, and runs these in the order of the items, one at a
 * time. Items that arrive meanwhile wait: under load batches are large, and few.
 */
export class TurnBatcher<T> {
  readonly #batching: Batching<T>;
  readonly #waiting: T[] = [];
  #isRunning = false;
  readonly #idle = new Latch();

  constructor(batching: Batching<T>) {
    this.#batching = batching;
  }

  /** Items that are not in a batch yet. */
  get length(): number {
    return this.#waiting.length;
  }

  add(item: T): void {
    this.#waiting.push(item);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  /** Resolves when every item so far has been run. */
  async idle(): Promise<void> {
    if (this.#isRunning) await this.#idle.opened();
  }

  async #run(): Promise<void> {
    const { size, run } = this.#batching;
    while (this.#waiting.length > 0) await run(this.#waiting.splice(0, size(this.#waiting)));
    this.#isRunning = false;
    this.#idle.open();
  }
}
