/**
 * Message ids of this client, across its connections: the server sends again what it saw no acknowledgement of.
 * Those that wait are as many as the inbound queue holds; of those taken the newest `limit` are remembered.
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

  /** The application has it: it must not get it again. */
  take(id: string): void {
    this.#waiting.delete(id);
    this.#taken.add(id);
    for (const oldest of this.#taken) {
      if (this.#taken.size <= this.#limit) break;
      this.#taken.delete(oldest);
    }
  }

  /** The application could not take it: when it comes again it is new. */
  forget(id: string): void {
    this.#waiting.delete(id);
  }
}
