import { Histogram, SLOW_MS } from './histogram.ts';

/** So many messages are watched at a time: a sample is enough, and what is watched costs memory. */
const WATCHED_MAX = 1_024;
/** Longer than this nobody waits: the place is given to another. */
const FORGET_MS = 600_000;

/** From written to acknowledged, of a sample of the messages under way. */
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

  /** To be called now and then. */
  forgetOld(nowMs: number): void {
    for (const [id, at] of this.#writtenAt) {
      if (nowMs - at < FORGET_MS) return;
      this.#writtenAt.delete(id);
    }
  }
}
