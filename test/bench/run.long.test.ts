import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readResults } from '../../bench/report/results.ts';
import { buildAddon, networks } from '../kit/addon.ts';
import { startProgram } from '../kit/process.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fronttcp-bench-'));
  await buildAddon();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('npm run bench', () => {
  it('measures on each network, keeps what it measured, and finds no change to itself', {
    timeout: 90_000,
  }, async () => {
    const out = join(folder, 'result.json');
    const only = 'unicast-64x32,function-import,upstream-events,observe-counters';
    const args = ['--quick', '--nice', '0', '--seconds', '0.5', '--peers', 'floor', '--only', only];
    const bench = startProgram('bench/run.ts', [...args, '--out', out]);
    expect(await bench.exit, bench.output()).toEqual({ code: 0, signal: null });

    const { scenarios, options } = await readResults(out);
    expect(options).toMatchObject({ isQuick: true, rounds: 1 });
    expect(scenarios.map(({ id }) => id)).toEqual(only.split(','));
    const [unicast] = scenarios;
    const ours = networks().map((network) => (network === 'node' ? 'fronttcp' : 'fronttcp native'));
    expect(unicast?.contestants.map(({ name }) => name)).toEqual(['floor (C)', ...ours]);
    // What contestants are judged by was measured for each of them.
    for (const { columns, contestants } of scenarios) {
      for (const { samples } of contestants) expect(samples[0]?.values[columns[0]?.key ?? '']).toBeGreaterThan(0);
    }

    const compare = startProgram('bench/compare.ts', [out, out]);
    expect((await compare.exit).code).toBe(0);
    expect(compare.output()).toContain('0 in only one of the two');
  });
});
