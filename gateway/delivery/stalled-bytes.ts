/**
 * Bytes that wait, in all outboxes of the gateway together, for readers that have stopped reading. Bytes that a reader
 * takes at once are not counted: they are gone at the end of the turn.
 */
export class StalledBytes {
  #bytes = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#max;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }
}
