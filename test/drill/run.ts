// npm run drill            [-- --only "Redis slow"]
// Injects twelve faults one by one, each into a system of its own, and shows after how long it was seen in the metrics and in
// the log of a gateway. Exit code 1 when one was not seen within 15 s.
import { parseArgs } from 'node:util';
import { drill, isSeen } from './drill.ts';
import { faults } from './faults.ts';

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const chosen = faults.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  process.stderr.write(`There is no such fault. There are: ${faults.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}

const seconds = (ms: number | undefined) => (ms === undefined ? 'never' : `${(ms / 1_000).toFixed(1)} s`);
const say = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

say(['fault', 'metric', 'after', 'log event', 'after', '']);
say(['---', '---', '---', '---', '---', '---']);
let unseen = 0;
for (const fault of chosen) {
  const finding = await drill(fault);
  const isGood = isSeen(finding);
  if (!isGood) unseen += 1;
  const { metric, event, name } = fault;
  say([
    name,
    `\`${metric}\``,
    seconds(finding.metricMs),
    `\`${event}\``,
    seconds(finding.logMs),
    isGood ? 'seen' : 'NOT SEEN',
  ]);
}
process.exit(unseen === 0 ? 0 : 1);
