/**
 * Message ids of this client, across its connections: the server sends unacknowledged messages again.
 * Keeps the ids of all waiting messages (as many as the inbound queue holds), and the newest `limit` of processed ones.
 */
export class KnownIds {
  readonly #limit: number;
  readonly #waiting = new Set<string>();
  readonly #taken = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `new` ids are waiting from now on. */
  see(id: string): 'new' | 'waiting' | 'taken' {
    if (this.#taken.has(id)) return 'taken';
    if (this.#waiting.has(id)) return 'waiting';
    this.#waiting.add(id);
    return 'new';
  }

  isTaken(id: string): boolean {
    return this.#taken.has(id);
  }

  /** The application has processed it: it must not get it again. */
  take(id: string): void {
    this.#waiting.delete(id);
    this.#taken.add(id);
    for (const oldest of this.#taken) {
      if (this.#taken.size <= this.#limit) break;
      this.#taken.delete(oldest);
    }
  }

  /** The application failed to process it: when it comes again it counts as new. */
  forget(id: string): void {
    this.#waiting.delete(id);
  }
}
