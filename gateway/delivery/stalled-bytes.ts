/**
 * Bytes that wait, in all outboxes of the gateway together, for readers that have stopped reading. What a reader takes
 * at once is not counted: it is gone with the turn.
 */
export class StalledBytes {
  bytes = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.bytes >= this.#most;
  }
}
