// node bench/reconnect-storm.ts [--clients 20000] [--gateways 3]
// One of several gateways is killed; how long until its clients are verified again, and what the others' clients notice.
import { parseArgs } from 'node:util';
import { type Percentiles, runStorm } from '../test/faults/storm.ts';

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '20000' }, gateways: { type: 'string', default: '3' } },
});
const line = ({ count, p50, p99, max }: Percentiles): string =>
  `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms of ${count}`;

const { cutOff, backAfterMs, quiet, storm } = await runStorm({
  clients: Number(values.clients),
  gateways: Number(values.gateways),
});
process.stdout.write(
  `${values.clients} clients on ${values.gateways} gateways, one killed: at least ${cutOff} cut off at once\n`,
);
process.stdout.write(`all verified again after ${(backAfterMs / 1_000).toFixed(1)} s\n`);
process.stdout.write(`a message on a living gateway, quiet: ${line(quiet)}\n`);
process.stdout.write(`a message on a living gateway, storm: ${line(storm)}\n`);
process.exit(0);
