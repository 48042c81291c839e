import type { ResultFile, ScenarioResult } from './results.ts';
import { MAX_OTHER_CPU_PERCENT, summarize } from './summary.ts';

/** The run as Markdown: where it was measured, and one table per scenario. */
export function markdown(results: ResultFile): string {
  return [provenance(results), ...groups(results)].join('\n\n');
}

function provenance(results: ResultFile): string {
  const { machine, options, versions, leftOut } = results;
  const lines = [
    `- Commit ${results.commit}${results.hasLocalChanges ? ' with local changes' : ''}, ${results.startedAt.slice(0, 10)}, Node ${results.node}.`,
    `- ${machine.cpus} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.os}, Linux ${machine.kernel}, loopback.`,
    `- ${options.rounds} round${options.rounds === 1 ? '' : 's'}, contestants in alternation, windows of ${options.windowSeconds} s${options.pinned ? ', server and generator on a CPU each' : ', not pinned'}${options.niceness < 0 ? `, both at nice ${options.niceness}` : ''}${options.isQuick ? '; **a quick run: its figures say that it runs, not how fast**' : ''}.`,
    `- Medians of the rounds in which other programs used at most ${MAX_OTHER_CPU_PERCENT} % of a CPU, with minimum and maximum. † no such round: all are taken.`,
  ];
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  if (named.length > 0) lines.push(`- Versions: ${named.join(', ')}.`);
  for (const { name, why } of leftOut) lines.push(`- Left out: ${name} (${why}).`);
  return lines.join('\n');
}

function groups(results: ResultFile): string[] {
  const names = [...new Set(results.scenarios.map(({ group }) => group))];
  return names.map((group) => {
    const own = results.scenarios.filter((scenario) => scenario.group === group);
    return [`### ${group}`, ...own.map(scenarioTable)].join('\n\n');
  });
}

/** One scenario: a row per contestant. */
export function scenarioTable(scenario: ScenarioResult): string {
  const columns = scenario.columns;
  const [primary] = columns;
  const base = scenario.contestants.find(({ name }) => name === scenario.baseline);
  const baseMedian = base && primary ? summarize(base.samples).columns.get(primary.key)?.median : undefined;
  const ratioHeader = baseMedian === undefined ? [] : [`of ${scenario.baseline}`];
  const header = ['', ...columns.map(({ label }) => label), ...ratioHeader, 'rounds'];
  const rows = scenario.contestants.map((contestant) => {
    const { columns: values, clean, total, isDisturbed } = summarize(contestant.samples);
    if (total === 0)
      return [contestant.name, `failed: ${contestant.error ?? 'no sample'}`, ...header.slice(2).map(() => '')];
    const cells = columns.map(({ key }, i) => {
      const value = values.get(key);
      if (!value) return '';
      const { median, min, max } = value;
      if (i > 0 || total === 1) return format(median);
      return `**${format(median)}** (${format(min)} – ${format(max)})`;
    });
    const median = primary && values.get(primary.key)?.median;
    const ratio = baseMedian === undefined ? [] : [median === undefined ? '' : (median / baseMedian).toFixed(2)];
    return [`${contestant.name}${isDisturbed ? ' †' : ''}`, ...cells, ...ratio, `${clean}/${total}`];
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const title = `**${scenario.title}**${scenario.note ? ` — ${scenario.note}` : ''}`;
  const rule = `| ${header.map((_, i) => (i === 0 ? '---' : '---:')).join(' | ')} |`;
  return [title, '', line(header), rule, ...rows.map(line)].join('\n');
}

/** Three figures that count, and thousands apart. */
export function format(value: number): string {
  const size = Math.abs(value);
  if (size >= 1_000_000) return `${(value / 1_000_000).toFixed(2)} M`;
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(2);
}
