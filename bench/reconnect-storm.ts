// node bench/reconnect-storm.ts [--clients 20000] [--gateways 3] [--moves 6000]
// One of several gateways is killed; how long until its clients are verified again, and the effect on the others' clients.
// With --moves, so many plain clients of one gateway connect to another instead; the cost for the gateway that they leave.
import { parseArgs } from 'node:util';
import { type Percentiles, runMoves, runStorm } from '../test/faults/storm.ts';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '20000' },
    gateways: { type: 'string', default: '3' },
    moves: { type: 'string' },
  },
});
const line = ({ count, p50, p99, max }: Percentiles): string =>
  `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms of ${count}`;

if (values.moves === undefined) await kill();
else await move(Number(values.moves));
process.exit(0);

async function kill(): Promise<void> {
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
}

async function move(clients: number): Promise<void> {
  for (const wave of await runMoves([clients / 4, clients])) {
    process.stdout.write(
      `${wave.clients} plain clients moved in ${(wave.movedAfterMs / 1_000).toFixed(1)} s: ${wave.leftCpuSeconds.toFixed(2)} s of CPU, ` +
        `${wave.leaseLosses} leases lost, ${wave.received} of ${wave.clients} messages came, ${wave.repeated} twice\n`,
    );
  }
}
