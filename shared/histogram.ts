/** Milliseconds: from calls to a nearby Redis up to longer than any caller waits. */
export const QUICK_MS: readonly number[] = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];
/** Milliseconds: from fast devices up to a week in a mailbox. */
export const SLOW_MS: readonly number[] = [
  10, 50, 100, 500, 1_000, 5_000, 30_000, 60_000, 600_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000,
];
/** Messages. */
export const DEPTHS: readonly number[] = [0, 1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000];

/** Counts in fixed buckets: adding is a few comparisons and no allocation. Readers compute percentiles from it. */
export class Histogram {
  /** Upper bounds, included, ascending; one more bucket follows the last. */
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  record(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at += 1;
    counts[at] = (counts[at] as number) + 1;
    this.sum += value;
  }
}

/** The value below which this share of the counted values lies, as exact as its bucket; null: nothing was counted. */
export function percentile(bounds: readonly number[], counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const rank = total * share;
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const from = bounds[bucket - 1] ?? 0;
      // Above the last bound, only the bound itself is known.
      const to = bounds[bucket] ?? from;
      return Math.round((from + ((to - from) * (rank - below)) / count) * 100) / 100;
    }
    below += count;
  }
  return null;
}

/**
 * Returns up to `max` values that represent the growth of the buckets between two readings, evenly over the ranks: a
 * sample of many thousands for a reader of percentiles.
 */
export function representatives(bounds: readonly number[], growth: readonly number[], max: number): number[] {
  const total = growth.reduce((sum, count) => sum + count, 0);
  const wanted = Math.min(max, total);
  const values: number[] = [];
  let bucket = 0;
  let below = 0;
  for (let i = 0; i < wanted; i += 1) {
    const rank = ((i + 0.5) / wanted) * total;
    while (bucket < growth.length - 1 && below + (growth[bucket] ?? 0) < rank) {
      below += growth[bucket] ?? 0;
      bucket += 1;
    }
    const from = bounds[bucket - 1] ?? 0;
    // Above the last bound, only the bound itself is known.
    const to = bounds[bucket] ?? from;
    const share = (rank - below) / (growth[bucket] || 1);
    values.push(Math.round((from + (to - from) * share) * 100) / 100);
  }
  return values;
}
