import type { ResultFile } from './results.ts';
import { type Spread, summarize } from './summary.ts';

export interface Change {
  readonly verdict: 'better' | 'worse' | 'changed';
  readonly scenario: string;
  readonly contestant: string;
  readonly column: string;
  readonly before: Spread;
  readonly after: Spread;
}

interface Comparison {
  /** Why the two may not be comparable at all. */
  readonly warnings: readonly string[];
  readonly changes: readonly Change[];
  readonly withinNoise: number;
  readonly onlyInOne: number;
}

/** Medians nearer than this are the same, whatever their spread: what one machine shows from one day to the next. */
const MIN_CHANGE = 0.05;
/** A single round has no spread of its own; what repeated rounds showed on shared machines is taken. */
const SINGLE_ROUND_NOISE = 0.3;

/**
 * The differences in `after`. A change is beyond the noise when the two ranges (minimum to maximum of the rounds that
 * count) do not meet and the medians are more than 5 % apart; disturbed samples never make a change.
 */
export function compare(before: ResultFile, after: ResultFile): Comparison {
  const changes: Change[] = [];
  let withinNoise = 0;
  let onlyInOne = 0;
  const olds = rowsOf(before);
  const news = rowsOf(after);
  for (const [key, { better, spread: from, ...names }] of olds) {
    const to = news.get(key)?.spread;
    if (to === undefined) {
      onlyInOne += 1;
    } else if (isNoise(from, to)) {
      withinNoise += 1;
    } else {
      const isHigher = to.median > from.median;
      const verdict = better === 'neither' ? 'changed' : isHigher === (better === 'higher') ? 'better' : 'worse';
      changes.push({ verdict, ...names, before: from, after: to });
    }
  }
  for (const key of news.keys()) if (!olds.has(key)) onlyInOne += 1;
  return { warnings: warningsOf(before, after), changes, withinNoise, onlyInOne };
}

interface Row {
  readonly scenario: string;
  readonly contestant: string;
  readonly column: string;
  readonly better: 'higher' | 'lower' | 'neither';
  readonly spread: Spread;
}

function rowsOf({ scenarios }: ResultFile): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { id, columns, contestants } of scenarios) {
    for (const { name, samples } of contestants) {
      const summary = summarize(samples);
      if (summary.isDisturbed) continue;
      for (const { key, label, better } of columns) {
        const value = summary.columns.get(key);
        if (value === undefined) continue;
        const spread = summary.clean === 1 ? widened(value) : value;
        rows.set(`${id}\n${name}\n${key}`, { scenario: id, contestant: name, column: label, better, spread });
      }
    }
  }
  return rows;
}

function widened({ median, min, max }: Spread): Spread {
  return { median, min: min * (1 - SINGLE_ROUND_NOISE / 2), max: max * (1 + SINGLE_ROUND_NOISE / 2) };
}

function isNoise(a: Spread, b: Spread): boolean {
  const doMeet = a.min <= b.max && b.min <= a.max;
  return doMeet || Math.abs(b.median - a.median) <= MIN_CHANGE * Math.abs(a.median);
}

function warningsOf(before: ResultFile, after: ResultFile): string[] {
  const warnings: string[] = [];
  if (before.machine.cpu !== after.machine.cpu || before.machine.cpus !== after.machine.cpus) {
    warnings.push('the machines differ: compare ratios to the floor, not these figures');
  }
  if (before.machine.kernel !== after.machine.kernel) warnings.push('the kernels differ');
  if (before.node !== after.node) warnings.push(`Node differs: ${before.node}, ${after.node}`);
  for (const { commit, options } of [before, after]) {
    if (options.isQuick) warnings.push(`${commit} was a quick run`);
  }
  return warnings;
}
