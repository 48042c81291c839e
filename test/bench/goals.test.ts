import { expect, it } from 'vitest';
import { goalsTable } from '../../bench/report/goals.ts';
import type { ResultFile, ScenarioResult } from '../../bench/report/results.ts';

const machine = { cpu: 'c', cpus: 2, memoryGiB: 24, kernel: 'k', os: 'o' };
const options = { isQuick: false, rounds: 2, windowSeconds: 2, niceness: 0, pinned: true };
const result = (scenarios: ScenarioResult[], isQuick = false): ResultFile => ({
  format: 1,
  startedAt: '2026-11-30T00:00:00Z',
  commit: 'abc',
  hasLocalChanges: false,
  machine,
  node: '24',
  versions: {},
  options: { ...options, isQuick },
  leftOut: [],
  scenarios,
});

/** Two rounds of the same values. */
function scenario(
  id: string,
  values: Record<string, Record<string, number>>,
  otherCpuPercent: number[] = [0, 0],
): ScenarioResult {
  const contestants = Object.entries(values).map(([name, of]) => ({
    name,
    samples: otherCpuPercent.map((other, i) => ({ round: i + 1, values: of, otherCpuPercent: other })),
  }));
  return { id, group: 'g', title: id, columns: [{ key: 'rate', label: 'r', better: 'higher' }], contestants };
}

const rowOf = (table: string, what: string) => table.split('\n').find((line) => line.startsWith(`| ${what}`));

it('the goals: ratios, differences and sums of a result, each met or missed', () => {
  const table = goalsTable(
    result([
      scenario('unicast-64x32', {
        'floor (C)': { rate: 1_000 },
        fronttcp: { rate: 450, user: 54 },
        'fronttcp native': { rate: 650, user: 52 },
        prototype: { rate: 500, user: 50 },
        redis: { rate: 800 },
        nats: { rate: 600 },
      }),
      scenario('two-gateways-unicast', {
        'one gateway': { rate: 200_000, user: 60, system: 40, helpers: 0 },
        'two gateways': { rate: 100_000, user: 90, system: 60, helpers: 50 },
      }),
      scenario('asks-1000', {
        'send, to the device': { p50: 1.5, p99: 7 },
        'ask, to the reply': { p50: 3, p99: 19 },
      }),
    ]),
  );
  expect(rowOf(table, 'single messages, 64')).toBe(
    '| single messages, 64 × 32 | ≥ 0.85 | 0.90 of the prototype, 0.45 of the floor: met | ≥ 0.60 | 0.65 of the floor: met |',
  );
  expect(rowOf(table, 'single messages, CPU')).toBe(
    '| single messages, CPU outside the kernel for one | ≤ 1 × the prototype | 1.20 × the prototype (1,200 µs beside 1,000): **missed** | ≤ 1 × the prototype | 0.80 × the prototype (800 µs beside 1,000): met |',
  );
  expect(rowOf(table, 'single messages, ahead')).toBe(
    '| single messages, ahead of the fastest peer but the floor |  |  | ≥ 1 | 0.81 of redis: **missed** |',
  );
  expect(rowOf(table, 'across two gateways')).toContain('| 4.00 × local (20.0 µs across, 5.00 local): **missed** |');
  expect(rowOf(table, 'asks at 1,000/s over two gateways, p50')).toContain('| 1.50 ms (3.00 beside 1.50): met |');
  expect(rowOf(table, 'asks at 1,000/s over two gateways, p99')).toContain(
    '| 12.0 ms (19.0 beside 7.00): **missed** |',
  );
  expect(rowOf(table, 'queue → device')).toContain('| not measured |');
  const missed = table.split('\n').filter((line) => line.startsWith('- **'));
  expect(missed).toHaveLength(4);
  expect(missed[2]).toMatch(/^- \*\*across two gateways.*\*\*: missed on node by 34 %\. \S/);
});

it('the goals: what was measured beside other work is marked, and a quick run judges nothing', () => {
  const rows = [scenario('queue-max', { fronttcp: { rate: 9 }, 'bare list consumer': { rate: 10 } }, [90, 90])];
  const table = goalsTable(result(rows, true));
  expect(rowOf(table, 'queue → device')).toContain('| 0.90 of the bare consumer †: met |');
  expect(table).toMatch(/^\*\*A quick run: it judges nothing\.\*\*/);
});
