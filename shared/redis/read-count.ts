const FIRST_COUNT = 8;
const MAX_COUNT = 512;
const READ_BYTES = 2_097_152;
/** Entries may have grown meanwhile: the number only doubles from one read to the next. */
const GROWTH = 2;

/**
 * The number of stream entries to ask for at a time. A reply has a bound in bytes, and entries are of any size: as many as come
 * to READ_BYTES if they are as large as the largest of the read before.
 */
export class ReadCount {
  #count = FIRST_COUNT;

  /** For each of `streams` streams that are read together. */
  of(streams: number): number {
    return Math.max(1, Math.floor(this.#count / streams));
  }

  /** To be called with what was read. */
  adapt(entries: readonly (readonly [id: string, fields: readonly string[]])[]): void {
    if (entries.length === 0) return;
    let largest = 1;
    for (const [, fields] of entries) largest = Math.max(largest, lengthOf(fields));
    const fit = Math.floor(READ_BYTES / largest);
    this.#count = Math.max(1, Math.min(MAX_COUNT, this.#count * GROWTH, fit));
  }
}

function lengthOf(fields: readonly string[]): number {
  return fields.reduce((sum, { length }) => sum + length, 0);
}
