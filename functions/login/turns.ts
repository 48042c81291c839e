import { Refusal } from '../http/refusal.ts';

const RETRY_AFTER_SECONDS = 2;

/** Lets so many run at a time and so many wait, first come first served. Over that: 503, at once. */
export class Turns {
  readonly #most: number;
  readonly #mostWaiting: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /** `work` is told whether it had to wait: what was true before may have changed. */
  async take<T>(work: (hasWaited: boolean) => Promise<T>): Promise<T> {
    const hasToWait = this.#running >= this.#most;
    if (hasToWait) await this.#wait();
    else this.#running += 1;
    try {
      return await work(hasToWait);
    } finally {
      // A turn is handed on, not given back and taken again: nobody can slip in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#mostWaiting) {
      throw new Refusal(503, 'busy', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
