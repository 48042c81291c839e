import { describe, expect, it } from 'vitest';
import { compare } from '../../bench/report/compare.ts';
import { parseResults, type ResultFile } from '../../bench/report/results.ts';

interface Given {
  readonly rates: readonly number[];
  readonly otherCpu?: number;
  readonly isQuick?: boolean;
  readonly better?: 'higher' | 'lower' | 'neither';
  readonly name?: string;
}

function run({ rates, otherCpu = 0, isQuick = false, better = 'higher', name = 'fronttcp' }: Given): ResultFile {
  return {
    format: 1,
    startedAt: '2026-11-22T00:00:00.000Z',
    commit: 'abc',
    hasLocalChanges: false,
    machine: { cpu: 'one', cpus: 2, memoryGiB: 24, kernel: '6', os: 'Linux' },
    node: '24.0.0',
    versions: {},
    options: { isQuick, rounds: rates.length, windowSeconds: 1, niceness: 0, pinned: true },
    leftOut: [],
    scenarios: [
      {
        id: 'unicast',
        group: 'g',
        title: 't',
        columns: [{ key: 'rate', label: 'deliveries/s', better }],
        contestants: [
          {
            name,
            samples: rates.map((rate, i) => ({ round: i + 1, values: { rate }, otherCpuPercent: otherCpu })),
          },
        ],
      },
    ],
  };
}

const verdicts = (before: Given, after: Given) =>
  compare(run(before), run(after)).changes.map(({ verdict }) => verdict);

describe('bench:compare', () => {
  it('calls a rate that fell beyond both ranges worse, and one that rose better', () => {
    expect(verdicts({ rates: [100, 102, 104] }, { rates: [80, 82, 84] })).toEqual(['worse']);
    expect(verdicts({ rates: [80, 82, 84] }, { rates: [100, 102, 104] })).toEqual(['better']);
  });

  it('treats a lower value as better for latencies and memory', () => {
    expect(verdicts({ rates: [100, 102], better: 'lower' }, { rates: [80, 82], better: 'lower' })).toEqual(['better']);
  });

  it('reports "changed" where neither direction is better', () => {
    const neither = { better: 'neither' } as const;
    expect(verdicts({ rates: [100, 102], ...neither }, { rates: [80, 82], ...neither })).toEqual(['changed']);
  });

  it('counts ranges that meet as noise, however far apart the medians are', () => {
    const { changes, withinNoise } = compare(run({ rates: [100, 102, 60] }), run({ rates: [59, 62, 61] }));
    expect({ changes, withinNoise }).toEqual({ changes: [], withinNoise: 1 });
  });

  it('counts less than five per cent as noise, however narrow the ranges are', () => {
    expect(verdicts({ rates: [100, 100.1] }, { rates: [104, 104.1] })).toEqual([]);
    expect(verdicts({ rates: [100, 100.1] }, { rates: [106, 106.1] })).toEqual(['better']);
  });

  it('gives a single round the noise that it cannot show', () => {
    expect(verdicts({ rates: [100] }, { rates: [120] })).toEqual([]);
    expect(verdicts({ rates: [100] }, { rates: [200] })).toEqual(['better']);
  });

  it('ignores disturbed samples', () => {
    const { changes, onlyInOne } = compare(run({ rates: [100, 101] }), run({ rates: [50, 51], otherCpu: 80 }));
    expect({ changes, onlyInOne }).toEqual({ changes: [], onlyInOne: 1 });
  });

  it('names the figures that only one result has', () => {
    expect(compare(run({ rates: [1] }), run({ rates: [1], name: 'nats' })).onlyInOne).toBe(2);
  });

  it('warns of another machine, another Node and quick runs', () => {
    const after = { ...run({ rates: [1], isQuick: true }), node: '25.0.0' };
    after.machine.cpus = 4;
    expect(compare(run({ rates: [1] }), after).warnings).toHaveLength(3);
  });
});

describe('a result file', () => {
  it('is read back as it was written', () => {
    const result = run({ rates: [1, 2] });
    expect(parseResults(JSON.stringify(result))).toEqual(result);
  });

  it('is refused when it is something else', () => {
    expect(() => parseResults('{"format": 2}')).toThrow();
  });
});
