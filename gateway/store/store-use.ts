import { Histogram, QUICK_MS } from '../../shared/histogram.ts';

/** How the store served this gateway: shared by its connections. */
export class StoreUse {
  #errors = 0;
  #reconnects = 0;
  /** From issued to answered, the wait for a store that is away included; commands that block are not in it. */
  readonly commandMs = new Histogram(QUICK_MS);
  readonly #scriptMs = new Map<string, Histogram>();

  /** Connections that broke, and commands that could not be carried out for the store's own state. */
  get errors(): number {
    return this.#errors;
  }

  /** Times a connection was there again after it was lost. */
  get reconnects(): number {
    return this.#reconnects;
  }

  get scripts(): ReadonlyMap<string, Histogram> {
    return this.#scriptMs;
  }

  failed(): void {
    this.#errors += 1;
  }

  reconnected(): void {
    this.#reconnects += 1;
  }

  ran(script: string, ms: number): void {
    let histogram = this.#scriptMs.get(script);
    if (histogram === undefined) {
      histogram = new Histogram(QUICK_MS);
      this.#scriptMs.set(script, histogram);
    }
    histogram.record(ms);
  }
}
