// node test/bounds/attack/run.ts [--rows 1,2] [--seconds 25] [--checkout DIRECTORY]
// A part of `npm run test:long`: the attacks of the table in docs/architecture.md, at once, against two gateways, the HTTP API and one Redis, with
// honest traffic beside them. --checkout: against the gateways and the API of another checkout.
import { parseArgs } from 'node:util';
import { runAttacks } from './all.ts';

const { values } = parseArgs({
  options: { rows: { type: 'string' }, seconds: { type: 'string', default: '25' }, checkout: { type: 'string' } },
});
const wrong = await runAttacks({
  rows: values.rows?.split(',').map(Number),
  seconds: Number(values.seconds),
  checkout: values.checkout,
  say: (line) => process.stdout.write(`${line}\n`),
});
for (const line of wrong) process.stdout.write(`WRONG ${line}\n`);
process.exit(wrong.length > 0 ? 1 : 0);
