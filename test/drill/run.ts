// npm run drill            [-- --only "Redis slow"]
// Injects fifteen faults one by one, each into a system of its own, and shows after how long it was seen in the metrics and in
// the log of a gateway, and which of its alerts fired, where Prometheus is there. Exit code 1 when one was not seen within 15 s,
// or its alerts did not fire and end with it.
import { parseArgs } from 'node:util';
import { findOnPath } from '../../local/redis/find.ts';
import { drill, type Finding, isAlarmed, isSeen } from './drill.ts';
import { faults } from './faults.ts';

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const chosen = faults.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  process.stderr.write(`There is no such fault. There are: ${faults.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}

const seconds = (ms: number | undefined) => (ms === undefined ? 'never' : `${(ms / 1_000).toFixed(1)} s`);
const say = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

const withAlerts = (await findOnPath('prometheus', process.env)) !== undefined;
if (!withAlerts) process.stderr.write('There is no prometheus on PATH: alerts are left out.\n');

const alertsOf = ({ fault, silent, stuck }: Finding): string =>
  fault.alerts
    .map(
      (name) => `${name}${silent?.includes(name) ? ' NEVER FIRED' : ''}${stuck?.includes(name) ? ' DID NOT END' : ''}`,
    )
    .join(', ');

say(['fault', 'metric', 'after', 'log event', 'after', 'alerts', '']);
say(['---', '---', '---', '---', '---', '---', '---']);
let unseen = 0;
for (const fault of chosen) {
  const finding = await drill(fault, { withAlerts });
  const isGood = isSeen(finding) && (!withAlerts || isAlarmed(finding));
  if (!isGood) unseen += 1;
  const { metric, event, name } = fault;
  say([
    name,
    `\`${metric}\``,
    seconds(finding.metricMs),
    `\`${event}\``,
    seconds(finding.logMs),
    withAlerts ? alertsOf(finding) : '',
    isGood ? 'seen' : 'NOT SEEN',
  ]);
}
process.exit(unseen === 0 ? 0 : 1);
