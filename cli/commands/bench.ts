import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import type { Api } from '../support/api.ts';
import { Devices } from '../support/bench/devices.ts';
import { measure } from '../support/bench/measure.ts';
import { reportOf, type Summary, summaryOf } from '../support/bench/report.ts';
import { apiOf, type Context, contextOf, loginOf } from '../support/context.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { checkIsHere } from '../support/fleet/limits.ts';
import { type Member, makeMembers, namesOf, removeMembers } from '../support/fleet/members.ts';
import {
  type GatewayAddress,
  type GatewayOptions,
  gatewayOf,
  hostOption,
  portOption,
  tlsOption,
} from '../support/gateway.ts';
import { onInterrupt } from '../support/interrupt.ts';
import { wholeNumber } from '../support/numbers.ts';
import { withStore } from '../support/store.ts';

interface BenchOptions extends GatewayOptions {
  clients: number;
  seconds: number;
  concurrency: number;
  batch: number;
  self?: boolean;
  yes?: boolean;
}

export function benchCommand(): Command {
  return new Command('bench')
    .description(
      'measure how long a command takes from HTTP to the device, and how many get through a second (operators)',
    )
    .option('--clients <number>', 'connected devices', wholeNumber(1, 1_000), 10)
    .option('--seconds <number>', 'of each of the two measurements', wholeNumber(1, 60), 5)
    .option('--concurrency <number>', 'requests in flight, in the second measurement', wholeNumber(2, 64), 8)
    .option('--batch <number>', 'commands in a request, in the second measurement', wholeNumber(1, 100), 1)
    .option('--self', 'measure with your own user as the only device: needs no Redis, and ends your other connection')
    .addOption(hostOption())
    .addOption(portOption())
    .addOption(tlsOption())
    .option('--yes', 'also with a deployment that is not on this machine')
    .addHelpText(
      'after',
      `
First one command at a time, for the latency. Then several requests at a time, for the throughput. Both ends are this
program, so there is one clock; on one machine it shares the processor with what it measures. The devices' users (bench-…) are made in
Redis and removed at the end: the one of REDIS_URL, or of the \`fronttcp dev\` in this folder.

Examples:
  $ fronttcp bench
  $ fronttcp bench --seconds 1 --clients 50 --batch 20
  $ fronttcp bench --self --seconds 1 --json`,
    )
    .action(bench);
}

async function bench(options: BenchOptions, command: Command): Promise<void> {
  const context = await contextOf(command);
  const api = await apiOf(context);
  const login = await loginOf(context);
  const address = await gatewayOf(login, context.apiUrl, options);
  const { hostname, port } = new URL(context.apiUrl);
  const { self = false, yes = false, concurrency, seconds } = options;
  const what = `${concurrency} requests at a time for ${seconds} s`;
  await checkIsHere([{ host: hostname, port: Number(port || 443) }, address], { what, usesStore: !self, yes });
  const signal = onInterrupt();
  if (self) {
    const me = { userId: login.phone_number, token: login.token };
    return run(context, api, [me], address, options, signal);
  }
  const userIds = namesOf('bench', randomBytes(4).toString('hex'), options.clients);
  await withStore(async (store) => {
    try {
      const members = await makeMembers(store, userIds, () => undefined);
      await run(context, api, members, address, options, signal);
    } finally {
      await removeMembers(store, userIds, () => undefined);
    }
  });
}

async function run(
  { output }: Context,
  api: Api,
  members: readonly Member[],
  address: GatewayAddress,
  { seconds, concurrency, batch }: BenchOptions,
  signal: AbortSignal,
): Promise<void> {
  const devices = new Devices();
  const summaries: Summary[] = [];
  try {
    await devices.connect(members, address);
    output.note(`${devices.count} devices at ${address.host}:${address.port}; twice ${seconds} s through ${api.url}.`);
    for (const load of [
      { concurrency: 1, batch: 1 },
      { concurrency, batch },
    ]) {
      if (signal.aborted) break;
      summaries.push(summaryOf(load.concurrency, await measure(api, devices, { ...load, seconds, signal })));
    }
  } finally {
    await devices.close();
  }
  output.result({ clients: members.length, batch, measured: summaries }, reportOf(summaries));
  const missing = summaries.reduce((sum, { sent, delivered }) => sum + sent - delivered, 0);
  const refused = summaries.reduce((sum, summary) => sum + summary.refused, 0);
  if (refused > 0) output.warn(`${refused} commands were refused: the API was overloaded`);
  if (missing <= 0 || signal.aborted) return;
  throw new Failure(
    ExitCode.failed,
    `${missing} messages did not arrive`,
    'Look at: fronttcp gateways, fronttcp stats',
  );
}
