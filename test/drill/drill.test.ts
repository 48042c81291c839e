import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repository } from '../kit/process.ts';
import { drill, isAlarmed, isSeen, SEEN_WITHIN_MS } from './drill.ts';
import { faults } from './faults.ts';
import { quickened, RULES } from './prometheus.ts';

it('the table of docs/runbook.md says what is drilled', () => {
  const runbook = readFileSync(join(repository, 'docs/runbook.md'), 'utf8').split('## The drill')[1] ?? '';
  const rows = [...runbook.matchAll(/^\| ([\w ]+) \| [^|]+ \| `(\w+)` \| `(\w+)` \| ([\w ,]+) \|/gm)];
  expect(rows.map(([, ...cells]) => cells)).toEqual(
    faults.map(({ name, metric, event, alerts }) => [name, metric, event, alerts.join(', ')]),
  );
  expect(faults.length).toBe(12);
});

it('every alert is raised by a fault, and only its times are changed for that', () => {
  const rules = readFileSync(RULES, 'utf8');
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  expect(faults.flatMap((fault) => fault.alerts).sort()).toEqual(alerts.sort());
  const changed = quickened(rules)
    .split('\n')
    .map((line, i) => [line, rules.split('\n')[i] ?? ''] as const);
  const withoutTimes = (line: string) => line.replaceAll(/\d+(m|s)\b|seconds\) > \d+/g, '');
  for (const [quick, real] of changed) expect(withoutTimes(quick)).toBe(withoutTimes(real));
});

describe(`is seen within ${SEEN_WITHIN_MS / 1_000} s in metrics and log, raises its alerts, and its end ends them:`, () => {
  // Several at a time: most of a drill is waiting.
  it.concurrent.each(faults.map((fault) => [fault.name, fault] as const))(
    '%s',
    async (_, fault) => {
      const finding = await drill(fault);
      expect(isSeen(finding) && isAlarmed(finding), JSON.stringify(finding)).toBe(true);
    },
    240_000,
  );
});

it.each(faults.filter(({ name }) => name === 'queue poison'))(
  'what did not happen is not seen',
  async (fault) => {
    const finding = await drill({ ...fault, inject: async () => undefined }, { lookMs: 4_000, withAlerts: false });
    expect(finding).toMatchObject({ metricMs: undefined, logMs: undefined });
    expect(isSeen(finding)).toBe(false);
  },
  60_000,
);
