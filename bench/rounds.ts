import type { Plan } from './plan.ts';
import type { Sample, ScenarioResult } from './report/results.ts';
import { format } from './report/table.ts';
import { OTHER_CPU } from './scenarios/columns.ts';
import type { Contestant, Measured, Scenario } from './scenarios/scenario.ts';
import { root } from './support/paths.ts';

/**
 * Measures everything `plan.rounds` times. Within a scenario the contestants take turns, and begin with another one in
 * each round, so that what drifts in the machine drifts for all. One that fails is named and does not end the run.
 */
export async function measureAll(scenarios: readonly Scenario[], plan: Plan): Promise<ScenarioResult[]> {
  const samples = new Map<Contestant, Sample[]>();
  const errors = new Map<Contestant, string>();
  const total = plan.rounds * scenarios.reduce((sum, { contestants }) => sum + contestants.length, 0);
  const startedAt = performance.now();
  let done = 0;
  for (let round = 1; round <= plan.rounds; round++) {
    for (const scenario of scenarios) {
      for (const contestant of rotate(scenario.contestants, round - 1)) {
        const progress = `[${++done}/${total}] round ${round}, ${scenario.id}, ${contestant.name}`;
        try {
          const measured = await contestant.measure(plan);
          const own = samples.get(contestant) ?? [];
          own.push(sampleOf(round, measured));
          samples.set(contestant, own);
          const elapsed = (performance.now() - startedAt) / 1_000;
          plan.say(`${progress}: ${inShort(scenario, measured)}${remaining(elapsed, done, total)}`);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          errors.set(contestant, inOneLine(reason));
          plan.say(`${progress}: FAILED: ${reason}`);
        }
      }
    }
  }
  return scenarios.map(({ contestants, id, group, title, note, columns, baseline }) => ({
    id,
    group,
    title,
    columns: [...columns],
    ...(note === undefined ? {} : { note }),
    ...(baseline === undefined ? {} : { baseline }),
    contestants: contestants.map((contestant) => {
      const error = errors.get(contestant);
      return { name: contestant.name, ...(error ? { error } : {}), samples: samples.get(contestant) ?? [] };
    }),
  }));
}

function sampleOf(round: number, measured: Measured): Sample {
  const values: Record<string, number> = {};
  for (const [key, value] of Object.entries(measured)) {
    if (value !== undefined && key !== OTHER_CPU) values[key] = value;
  }
  const other = measured[OTHER_CPU];
  return { round, values, ...(other === undefined ? {} : { otherCpuPercent: other }) };
}

/** For the result, which is read on other machines: the first line, and the one that names an error. */
function inOneLine(reason: string): string {
  const [first = '', ...rest] = reason.replaceAll(root, '').split('\n');
  const named = rest.find((line) => /^\w*Error\b/.test(line));
  return (named === undefined ? first : `${first} ${named}`).slice(0, 300);
}

function inShort({ columns }: Scenario, measured: Measured): string {
  const figures = columns.slice(0, 3).flatMap(({ key, label }) => {
    const value = measured[key];
    return value === undefined ? [] : `${format(value)} ${label}`;
  });
  const other = measured[OTHER_CPU] ?? 0;
  return figures.join(', ') + (other > 25 ? ` (disturbed: ${format(other)} % of a CPU)` : '');
}

function remaining(elapsed: number, done: number, total: number): string {
  const seconds = (elapsed / done) * (total - done);
  if (seconds < 1) return '';
  return seconds < 90 ? ` · ${Math.round(seconds)} s left` : ` · ${Math.round(seconds / 60)} min left`;
}

function rotate<T>(items: readonly T[], by: number): T[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
