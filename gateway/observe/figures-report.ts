import type { Keys } from '../../contract/store/keys.ts';
import { addFigures } from '../../contract/store/scripts/figures.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import type { Counters } from './counters.ts';

/** A minute is reported within this time of its end: readers wait longer than that (functions/stats/read-history.ts). */
const TICK_MS = 5_000;
const MINUTE_MS = 60_000;

interface FiguresParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly counters: Counters;
  readonly registry: { readonly size: number };
}

/** Adds each minute, once it is over, to the figures of the last day, which operators read. */
export class FiguresReport {
  readonly #parts: FiguresParts;
  #minute = 0;
  #delivered = 0;
  #took: readonly number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: FiguresParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#minute = this.#minuteNow();
    this.#timer = setInterval(() => {
      if (this.#minuteNow() !== this.#minute) void this.#report(this.#parts.registry.size);
    }, TICK_MS);
    this.#timer.unref();
  }

  /** The last, shorter minute is not lost. Does not reject. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    await this.#report(undefined);
  }

  /** Where Redis does not take it, the minute is a gap. */
  async #report(clients: number | undefined): Promise<void> {
    const { redis, keys, counters } = this.#parts;
    const minute = this.#minute;
    this.#minute = this.#minuteNow();
    const took = [...counters.liveMs.counts];
    const figures = {
      clients,
      delivered: counters.delivered - this.#delivered,
      took: took.map((count, bucket) => count - (this.#took[bucket] ?? 0)),
    };
    this.#delivered = counters.delivered;
    this.#took = took;
    await addFigures(redis, keys, minute, figures).catch(() => undefined);
  }

  /** By Redis's clock, so that the minute is the same for all gateways. */
  #minuteNow(): number {
    return Math.floor((Date.now() + this.#parts.counters.redisOffsetMs) / MINUTE_MS);
  }
}
