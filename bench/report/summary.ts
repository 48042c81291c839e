import type { Sample } from './results.ts';

/** A sample that was disturbed more than this does not count, % of one CPU. */
export const MAX_OTHER_CPU_PERCENT = 25;

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

interface Summary {
  /** By column; a column that no sample has is not there. */
  readonly columns: ReadonlyMap<string, Spread>;
  /** Samples that count, of how many. */
  readonly clean: number;
  readonly total: number;
  /** None was clean: all are taken, and the row is marked. */
  readonly isDisturbed: boolean;
}

const isClean = (sample: Sample): boolean => (sample.otherCpuPercent ?? 0) <= MAX_OTHER_CPU_PERCENT;

/** Medians over the clean samples, or over all where there is no clean one. */
export function summarize(samples: readonly Sample[]): Summary {
  const clean = samples.filter(isClean);
  const used = clean.length > 0 ? clean : samples;
  const keys = new Set(used.flatMap(({ values }) => Object.keys(values)));
  const columns = new Map<string, Spread>();
  for (const key of keys) {
    columns.set(key, spread(used.flatMap(({ values }) => values[key] ?? [])));
  }
  return { columns, clean: clean.length, total: samples.length, isDisturbed: clean.length === 0 && samples.length > 0 };
}

/** Of at least one number. */
export function spread(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (i: number): number => sorted[i] ?? Number.NaN;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1) };
}
