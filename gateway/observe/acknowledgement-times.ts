import { Histogram, SLOW_MS } from '../../shared/histogram.ts';

/** The number of messages watched at a time: a sample is enough, and each one costs memory. */
const WATCHED_MAX = 1_024;
/** After this time a message is no longer waited for: its place is given to another. */
const FORGET_MS = 600_000;

/** The time from written to acknowledged, of a sample of the messages in flight. */
export class AcknowledgementTimes {
  readonly ms = new Histogram(SLOW_MS);
  readonly #writtenAt = new Map<number, number>();

  wrote(id: number, nowMs: number): void {
    if (this.#writtenAt.size < WATCHED_MAX && !this.#writtenAt.has(id)) this.#writtenAt.set(id, nowMs);
  }

  acknowledged(id: number, nowMs: number): void {
    const at = this.#writtenAt.get(id);
    if (at === undefined) return;
    this.#writtenAt.delete(id);
    this.ms.record(Math.max(0, nowMs - at));
  }

  /** To be called at intervals. */
  forgetOld(nowMs: number): void {
    for (const [id, at] of this.#writtenAt) {
      if (nowMs - at < FORGET_MS) return;
      this.#writtenAt.delete(id);
    }
  }
}
