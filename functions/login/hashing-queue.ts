import { Semaphore } from '../../shared/time/semaphore.ts';
import { HttpRefusal } from '../http/refusal.ts';

const RETRY_AFTER_SECONDS = 2;

/** A semaphore with a bounded queue. Over the bound: 503, at once. */
export class HashingQueue {
  readonly #running: Semaphore;
  readonly #maxWaiting: number;

  constructor(max: number, maxWaiting: number) {
    this.#running = new Semaphore(max);
    this.#maxWaiting = maxWaiting;
  }

  /** `work` gets a flag whether it had to wait: earlier checks may be outdated. */
  async take<T>(work: (hasWaited: boolean) => Promise<T>): Promise<T> {
    if (this.#running.isFull && this.#running.waiting >= this.#maxWaiting) {
      throw new HttpRefusal(503, 'busy', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    return this.#running.take(work);
  }
}
