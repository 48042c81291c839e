import { Latch } from './latch.ts';

/** Items that wait, and which of them go next. */
interface WaitingItems<T> {
  readonly length: number;
  add(item: T): void;
  /** Removes and returns the next batch: at least one item. */
  take(): readonly T[];
}

interface Batching<T> {
  readonly items: WaitingItems<T>;
  /** Must not reject. The next batch begins when it has resolved. */
  readonly run: (batch: readonly T[]) => Promise<void>;
}

/** In the order in which they came. `size` returns how many of them make the next batch, from the first on. */
export class Fifo<T> implements WaitingItems<T> {
  readonly #items: T[] = [];
  readonly #size: (items: readonly T[]) => number;

  constructor(size: (items: readonly T[]) => number) {
    this.#size = size;
  }

  get length(): number {
    return this.#items.length;
  }

  add(item: T): void {
    this.#items.push(item);
  }

  take(): readonly T[] {
    return this.#items.splice(0, this.#size(this.#items));
  }
}

/**
 * Collects the items of one turn of the event loop into batches, and runs these one at a time. Items that arrive meanwhile
 * wait: under load batches are large, and few.
 */
export class TurnBatcher<T> {
  readonly #batching: Batching<T>;
  #isRunning = false;
  readonly #idle = new Latch();

  constructor(batching: Batching<T>) {
    this.#batching = batching;
  }

  /** Items that are not in a batch yet. */
  get length(): number {
    return this.#batching.items.length;
  }

  add(item: T): void {
    this.#batching.items.add(item);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  /** Resolves when every item so far has been run. */
  async idle(): Promise<void> {
    if (this.#isRunning) await this.#idle.opened();
  }

  async #run(): Promise<void> {
    const { items, run } = this.#batching;
    while (items.length > 0) await run(items.take());
    this.#isRunning = false;
    this.#idle.open();
  }
}
