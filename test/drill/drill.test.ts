import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repository } from '../kit/process.ts';
import { faults } from './faults.ts';
import { quickened, RULES } from './prometheus.ts';

it('the table of docs/runbook.md lists the drilled faults', () => {
  const runbook = readFileSync(join(repository, 'docs/runbook.md'), 'utf8').split('## The drill')[1] ?? '';
  const rows = [...runbook.matchAll(/^\| ([\w ]+) \| [^|]+ \| `(\w+)` \| `(\w+)` \| ([\w ,]+) \|/gm)];
  expect(rows.map(([, ...cells]) => cells)).toEqual(
    faults.map(({ name, metric, event, alerts }) => [name, metric, event, alerts.join(', ')]),
  );
  expect(faults.length).toBe(15);
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
