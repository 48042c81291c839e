/** Runs at most `max` pieces of work at a time; the others wait, first in first out. */
export class Semaphore {
  readonly #max: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether the next piece of work has to wait. */
  get isFull(): boolean {
    return this.#running >= this.#max;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** `work` gets a flag whether it had to wait: earlier checks may be outdated. */
  async take<T>(work: (hasWaited: boolean) => Promise<T>): Promise<T> {
    const hasToWait = this.isFull;
    if (hasToWait) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work(hasToWait);
    } finally {
      // The turn is passed directly to the next waiter, so that no other call can take it in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
