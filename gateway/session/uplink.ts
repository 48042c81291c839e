/** How much of one session is on its way to the upstream function, and the numbers of its items. Kept by upstream/. */
export class Uplink {
  #spooling = 0;
  #requests = 0;
  #epoch = 0;
  #sequence = 0;

  /** Items on their way to Redis. */
  get spooling(): number {
    return this.#spooling;
  }

  /** Requests that wait for their turn; the first is with the function. */
  get requests(): number {
    return this.#requests;
  }

  beginSpooling(): void {
    this.#spooling += 1;
  }

  endSpooling(): void {
    this.#spooling -= 1;
  }

  beginRequest(): void {
    this.#requests += 1;
  }

  endRequest(): void {
    this.#requests -= 1;
  }

  /** Counts per epoch: a session that was resumed or verified again begins at 1. */
  nextSequence(epoch: number): number {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#sequence = 0;
    }
    this.#sequence += 1;
    return this.#sequence;
  }
}
