/**
 * The messages that went directly to sessions of this gateway between two calls of the route script.
 *
 * A direct message has no id until it must be put back into a mailbox. There it stands behind what its sender had routed
 * before, and ahead of what that sender had routed later. So each call reserves ids, just below its own, for the direct
 * messages since the call before it. Those that no call has followed get fresh ids when they are put back.
 */
export class DirectInterval {
  #size = 0;
  /** The id of the first message; 0: none is reserved. */
  #firstId = 0;
  #reserving: Promise<void> | undefined;

  get size(): number {
    return this.#size;
  }

  /** Returns the position of one more message. */
  add(): number {
    this.#size += 1;
    return this.#size - 1;
  }

  /** The id of the message at this position; `0`: a fresh one. Not to be asked while ids are being reserved. */
  idAt(position: number): string {
    return this.#firstId === 0 ? '0' : String(this.#firstId + position);
  }

  /** Settles when it is known whether ids are reserved; undefined: it is known now. */
  get reserving(): Promise<void> | undefined {
    return this.#reserving;
  }

  /** A call that reserves ids is on its way. */
  beginReserving(until: Promise<void>): void {
    const reserving = until.finally(() => {
      if (this.#reserving === reserving) this.#reserving = undefined;
    });
    this.#reserving = reserving;
  }

  reserved(firstId: number): void {
    this.#firstId = firstId;
  }
}
