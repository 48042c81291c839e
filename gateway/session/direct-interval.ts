/**
 * The time between two calls of the route script, for the messages that go directly to sessions of this gateway in it.
 *
 * A direct message has no id until it must be put back into a mailbox. There its place is behind the messages that its sender had routed
 * before, and ahead of what that sender had routed later. So each call reserves ids, just below its own, for the direct
 * messages since the call before it. Those that no call has followed get fresh ids when they are put back. An id needs to be
 * unique in one mailbox alone: the put-backs of several users share the reserved ids.
 */
export class DirectInterval {
  #size = 0;
  /** The id behind the reserved ones; 0: none are reserved. */
  #idBehind = 0;
  #reserving: Promise<void> | undefined;

  /** Messages in it so far. */
  get size(): number {
    return this.#size;
  }

  add(): void {
    this.#size += 1;
  }

  /** The id of a message that is put back, the `fromEnd`th last of its user; `0`: a fresh one. Not to be asked while ids are being reserved. */
  idOf(fromEnd: number): string {
    return this.#idBehind === 0 ? '0' : String(this.#idBehind - fromEnd);
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

  reserved(idBehind: number): void {
    this.#idBehind = idBehind;
  }
}
