import { type Bar, type Plot, svg } from './plot.ts';
import type { ResultFile, ScenarioResult } from './results.ts';
import { summarize } from './summary.ts';

/** The plots: scenario and column. */
const PLOTTED: readonly { readonly scenario: string; readonly column: string; readonly file: string }[] = [
  { scenario: 'fanout-1000-w1', column: 'rate', file: 'perf-fanout-1000-w1' },
  { scenario: 'fanout-1000-w8', column: 'rate', file: 'perf-fanout-1000-w8' },
  { scenario: 'fanout-1000-w64', column: 'rate', file: 'perf-fanout-1000-w64' },
  { scenario: 'fanout-10000-w8', column: 'rate', file: 'perf-fanout-10000-w8' },
  { scenario: 'unicast-64x32', column: 'rate', file: 'perf-unicast' },
  { scenario: 'queue-max', column: 'rate', file: 'perf-queue' },
  { scenario: 'connections', column: 'rate', file: 'perf-connect' },
  { scenario: 'connections', column: 'memory', file: 'perf-memory' },
];

interface PlotFile {
  readonly file: string;
  readonly scenario: string;
  readonly title: string;
  readonly svg: string;
}

/** The pictures of a result, those for which it has figures. */
export function plotsOf(results: ResultFile): PlotFile[] {
  return PLOTTED.flatMap(({ scenario: id, column, file }) => {
    const scenario = results.scenarios.find((candidate) => candidate.id === id);
    const plot = scenario && plotOf(scenario, column);
    return plot && plot.bars.length > 0
      ? [{ file: `${file}.svg`, scenario: id, title: plot.title, svg: svg(plot) }]
      : [];
  });
}

function plotOf(scenario: ScenarioResult, key: string): Plot | undefined {
  const column = scenario.columns.find((candidate) => candidate.key === key);
  if (!column) return undefined;
  const bars = scenario.contestants.flatMap(({ name, samples }): Bar[] => {
    const value = summarize(samples).columns.get(key);
    const kind = name.startsWith('fronttcp') ? 'ours' : name === scenario.baseline ? 'floor' : 'peer';
    return value ? [{ name, ...value, kind }] : [];
  });
  const sign = column.better === 'lower' ? 1 : -1;
  return {
    title: scenario.title.replace(/^./, (letter) => letter.toUpperCase()),
    label: column.label,
    bars: bars.toSorted((a, b) => sign * (a.median - b.median)),
  };
}
