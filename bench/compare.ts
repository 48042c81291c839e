// npm run bench:compare A B: what changed between two results, beyond the noise.
import { type Change, compare } from './report/compare.ts';
import { readResults } from './report/results.ts';
import { format } from './report/table.ts';

const [before, after, ...more] = process.argv.slice(2);
if (before === undefined || after === undefined || more.length > 0) {
  process.stderr.write('usage: npm run bench:compare -- BEFORE.json AFTER.json\n');
  process.exit(2);
}
const [old, recent] = await Promise.all([readResults(before), readResults(after)]);
const { warnings, changes, withinNoise, onlyInOne } = compare(old, recent);

process.stdout.write(`before: ${old.commit}, ${old.startedAt}\nafter:  ${recent.commit}, ${recent.startedAt}\n`);
for (const warning of warnings) process.stdout.write(`warning: ${warning}\n`);
for (const verdict of ['worse', 'better', 'changed'] as const) {
  for (const change of changes.filter((one) => one.verdict === verdict)) process.stdout.write(`${lineOf(change)}\n`);
}
process.stdout.write(`${withinNoise} within the noise, ${onlyInOne} in only one of the two\n`);
process.exitCode = changes.some(({ verdict }) => verdict === 'worse') ? 1 : 0;

function lineOf({ verdict, scenario, contestant, column, before: from, after: to }: Change): string {
  const range = ({ median, min, max }: Change['before']): string =>
    `${format(median)} (${format(min)} – ${format(max)})`;
  const percent =
    from.median === 0
      ? ''
      : ` (${to.median >= from.median ? '+' : ''}${(100 * (to.median / from.median - 1)).toFixed(1)} %)`;
  return `${verdict.padEnd(7)} ${scenario}, ${contestant}, ${column}: ${range(from)} → ${range(to)}${percent}`;
}
