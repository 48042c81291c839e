import { describe, expect, it } from 'vitest';
import { replaceMarked } from '../../bench/report/document.ts';
import { svg } from '../../bench/report/plot.ts';
import { selfTimes } from '../../bench/report/profile.ts';
import { spread, summarize } from '../../bench/report/summary.ts';
import { format, scenarioTable } from '../../bench/report/table.ts';
import { parsePauses } from '../../bench/scenarios/under-load.ts';
import { parseFigures } from '../../bench/support/loadgen.ts';

const sample = (rate: number, otherCpuPercent: number) => ({ round: 1, values: { rate }, otherCpuPercent });

describe('the figures of the generator', () => {
  it('are numbers by name', () => {
    expect(parseFigures('proto=gw n=1000 deliv/s=12.5 srv_user%=3 p50us=440')).toEqual({
      n: 1000,
      'deliv/s': 12.5,
      'srv_user%': 3,
      p50us: 440,
    });
  });
});

describe('medians', () => {
  it.each([
    [[3, 1, 2], { median: 2, min: 1, max: 3 }],
    [[4, 1, 2, 3], { median: 2.5, min: 1, max: 4 }],
    [[7], { median: 7, min: 7, max: 7 }],
  ])('of %j', (numbers, expected) => {
    expect(spread(numbers)).toEqual(expected);
  });

  it('leave out samples that other programs disturbed', () => {
    const { columns, clean, total, isDisturbed } = summarize([sample(10, 0), sample(1000, 26), sample(20, 25)]);
    expect(columns.get('rate')).toEqual({ median: 15, min: 10, max: 20 });
    expect({ clean, total, isDisturbed }).toEqual({ clean: 2, total: 3, isDisturbed: false });
  });

  it('use all samples where every one was disturbed, and say so', () => {
    expect(summarize([sample(10, 80), sample(20, 90)])).toMatchObject({ clean: 0, isDisturbed: true });
  });
});

describe('a table', () => {
  const scenario = {
    id: 'x',
    group: 'g',
    title: 'work',
    columns: [{ key: 'rate', label: 'deliveries/s', better: 'higher' as const }],
    baseline: 'floor',
    contestants: [
      { name: 'floor', samples: [sample(2_000_000, 0), sample(1_000_000, 0)] },
      { name: 'fronttcp', samples: [sample(750_000, 90)] },
      { name: 'nats', samples: [], error: 'no answer' },
    ],
  };

  it('has medians, ranges, ratios to the baseline, marks and failures', () => {
    expect(scenarioTable(scenario).split('\n').slice(4)).toEqual([
      '| floor | **1.50 M** (1.00 M – 2.00 M) | 1.00 | 2/2 |',
      '| fronttcp † | 750,000 | 0.50 | 0/1 |',
      '| nats | failed: no answer |  |  |',
    ]);
  });

  it.each([
    [0.123, '0.12'],
    [12.34, '12.3'],
    [1234.5, '1,235'],
    [2_345_678, '2.35 M'],
  ])('shows %d as %s', (value, text) => {
    expect(format(value)).toBe(text);
  });
});

describe('a plot', () => {
  it('draws each bar to scale and lets no name out of its text', () => {
    const bars = [
      { name: 'a<b', median: 50, min: 25, max: 100, kind: 'ours' as const },
      { name: 'floor', median: 100, min: 100, max: 100, kind: 'floor' as const },
    ];
    const text = svg({ title: 'T', label: 'l', bars });
    expect(text).toContain('a&lt;b');
    const widths = [...text.matchAll(/<rect class="\w+" x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    expect(widths[1]).toBe(2 * (widths[0] ?? 0));
  });
});

describe('the document', () => {
  const document = 'before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter';

  it('keeps the words around the figures', () => {
    expect(replaceMarked(document, 'figures', 'new')).toBe(
      'before\n<!-- figures: begin -->\n\nnew\n\n<!-- figures: end -->\nafter',
    );
  });

  it('is left alone without its marks', () => {
    expect(() => replaceMarked('no marks', 'figures', 'new')).toThrow(/no marks/);
  });
});

describe('what V8 writes', () => {
  it('gives the pauses of the garbage collector', () => {
    const text = [
      '[13:0x3dce]      126 ms: Scavenge 4.8 (5.8) -> 4.3 (6.8) MB, pooled: 0 MB, 6.19 / 0.00 ms  (average mu = 1.000)',
      'something else',
      '[13:0x3dce]      995 ms: Mark-Compact 22.1 (34.5) -> 18.8 (37.3) MB, pooled: 0 MB, 31.12 / 0.00 ms  (+ 0.3 ms)',
      '[13:0x3dce]      999 ms: Mark-Compact (reduce) 22.1 (34.5) -> 18.8 (37.3) MB, 1.5 / 0.00 ms  (+ 0.3 ms)',
    ].join('\n');
    expect(parsePauses(text)).toEqual([
      { atMs: 126, ms: 6.19 },
      { atMs: 995, ms: 31.12 },
      { atMs: 999, ms: 1.5 },
    ]);
  });

  it('gives the busy time of a window by function', () => {
    const node = (id: number, functionName: string) => ({ id, callFrame: { functionName, url: '', lineNumber: -1 } });
    const profile = {
      nodes: [node(1, 'early'), node(2, 'a'), node(3, 'b'), node(4, '(idle)')],
      startTime: 1_000,
      samples: [1, 2, 4, 3, 2],
      timeDeltas: [10, 30, 1_000, 10, 10],
    };
    expect(selfTimes(JSON.stringify(profile), { from: 1_020, to: 5_000 })).toEqual([
      { name: 'a', percent: 80 },
      { name: 'b', percent: 20 },
    ]);
  });
});
