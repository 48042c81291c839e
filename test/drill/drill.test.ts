import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repository } from '../support/process.ts';
import { drill, isSeen, SEEN_WITHIN_MS } from './drill.ts';
import { faults } from './faults.ts';

it('the table of docs/runbook.md says what is drilled', () => {
  const runbook = readFileSync(join(repository, 'docs/runbook.md'), 'utf8').split('## The drill')[1] ?? '';
  const rows = [...runbook.matchAll(/^\| ([\w ]+) \| [^|]+ \| `(\w+)` \| `(\w+)` \|/gm)].map(([, ...cells]) => cells);
  expect(rows).toEqual(faults.map(({ name, metric, event }) => [name, metric, event]));
  expect(faults.length).toBe(12);
});

describe(`is seen within ${SEEN_WITHIN_MS / 1_000} s in metrics and log:`, () => {
  it.each(faults.map((fault) => [fault.name, fault] as const))(
    '%s',
    async (_, fault) => {
      const finding = await drill(fault);
      expect(isSeen(finding), JSON.stringify(finding)).toBe(true);
    },
    120_000,
  );
});

it.each(faults.filter(({ name }) => name === 'queue poison'))(
  'what did not happen is not seen',
  async (fault) => {
    const finding = await drill({ ...fault, inject: async () => undefined }, 4_000);
    expect(finding).toMatchObject({ metricMs: undefined, logMs: undefined });
    expect(isSeen(finding)).toBe(false);
  },
  60_000,
);
