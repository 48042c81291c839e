/** The machine's monotonic clock, ms: the same in all its processes. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

interface Window {
  readonly from: number;
  readonly to: number;
}

export const isWithin = (atMs: number, { from, to }: Window): boolean => atMs >= from && atMs < to;

interface Quantiles {
  readonly count: number;
  /** ms; 0 where there is none. */
  readonly p50: number;
  readonly p99: number;
}

/** How long things took, by when they were done. */
export class Times {
  readonly #doneAt: number[] = [];
  readonly #took: number[] = [];

  add(doneAtMs: number, tookMs: number): void {
    this.#doneAt.push(doneAtMs);
    this.#took.push(tookMs);
  }

  /** Of the items done in the window. */
  within(window: Window): Quantiles {
    const took = this.#took.filter((_, i) => isWithin(this.#doneAt[i] ?? 0, window)).sort((a, b) => a - b);
    const at = (share: number): number => took[Math.floor((took.length - 1) * share)] ?? 0;
    return { count: took.length, p50: at(0.5), p99: at(0.99) };
  }
}
