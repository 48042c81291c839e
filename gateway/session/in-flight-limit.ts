import type { FrameReader, PauseReason } from './frame-reader.ts';

/** Counts the work of one connection that is in flight: above the limit the connection is not read, until half of it is done. */
export class InFlightLimit {
  readonly #reader: FrameReader;
  readonly #reason: PauseReason;
  readonly #max: number;
  #inFlight = 0;

  constructor(reader: FrameReader, reason: PauseReason, max: number) {
    this.#reader = reader;
    this.#reason = reason;
    this.#max = max;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  begin(): void {
    this.#inFlight += 1;
    if (this.#inFlight > this.#max) this.#reader.pause(this.#reason);
  }

  end(): void {
    this.#inFlight -= 1;
    if (this.#inFlight <= this.#max / 2) this.#reader.resume(this.#reason);
  }
}
