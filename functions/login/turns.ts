import { Refusal } from '../http/refusal.ts';

const RETRY_AFTER_SECONDS = 2;

/** A semaphore with a bounded queue, first in first out. Over the bound: 503, at once. */
export class Turns {
  readonly #most: number;
  readonly #maxWaiting: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number, maxWaiting: number) {
    this.#most = most;
    this.#maxWaiting = maxWaiting;
  }

  /** `work` gets a flag whether it had to wait: earlier checks may be outdated. */
  async take<T>(work: (hasWaited: boolean) => Promise<T>): Promise<T> {
    const hasToWait = this.#running >= this.#most;
    if (hasToWait) await this.#wait();
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

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new Refusal(503, 'busy', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
