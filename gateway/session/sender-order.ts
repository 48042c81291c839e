/**
 * Keeps the order of one sender's messages where two ways lead to a receiver: a message may go directly to a session of
 * this gateway only when nothing that its sender sent before is still on its way through Redis.
 */
export class SenderOrder {
  #inFlight = 0;
  #bytesInFlight = 0;
  /** Of these, such as may come back to a session of this gateway. */
  #returning = 0;
  /** The entry of our own inbox up to which there may be messages of this sender. */
  #awaitedEntry: string | undefined;

  /** Commands on their way to Redis. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Bytes of these. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  begin(mayReturn: boolean, bytes: number): void {
    this.#inFlight += 1;
    this.#bytesInFlight += bytes;
    if (mayReturn) this.#returning += 1;
  }

  end(mayReturn: boolean, bytes: number): void {
    this.#inFlight -= 1;
    this.#bytesInFlight -= bytes;
    if (mayReturn) this.#returning -= 1;
  }

  /** Nothing may overtake what the inbox has up to this entry; undefined: it has nothing. */
  awaitEntry(entry: string | undefined): void {
    this.#awaitedEntry = entry;
  }

  /** Whether the direct way is open. `hasPassed`: whether the inbox was read up to an entry. */
  isClear(inbox: { hasPassed(entry: string): boolean }): boolean {
    if (this.#returning > 0) return false;
    if (this.#awaitedEntry === undefined) return true;
    if (!inbox.hasPassed(this.#awaitedEntry)) return false;
    this.#awaitedEntry = undefined;
    return true;
  }
}
