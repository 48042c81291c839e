import { describe, expect, it } from 'vitest';
import { startProgram } from '../kit/process.ts';

describe('npm run bench', () => {
  it('names the scenarios without measuring', async () => {
    const bench = startProgram('bench/run.ts', ['--list']);
    expect((await bench.exit).code).toBe(0);
    const some = [
      'fanout-1000-w8',
      'group-100-w8',
      'unicast-64x32',
      'queue-max',
      'http-1000',
      'connections',
      'gc',
      'routing',
    ];
    const upstream = ['upstream-events', 'upstream-max', 'upstream-requests'];
    for (const id of [
      ...some,
      ...upstream,
      'asks-200',
      'asks-1000',
      'group-100000',
      'observe-counters',
      'observe-scrape',
      'function-import',
    ]) {
      expect(bench.output()).toContain(`${id}:`);
    }
  });

  it('refuses an option that is not a number', async () => {
    const bench = startProgram('bench/run.ts', ['--rounds', '0']);
    expect((await bench.exit).code).toBe(1);
    expect(bench.output()).toContain('must be a number above 0');
  });
});
