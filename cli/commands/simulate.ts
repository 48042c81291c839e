import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { type Context, contextOf } from '../support/context.ts';
import { count, milliseconds } from '../support/drawing.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { block, line } from '../support/fleet/display.ts';
import { History, rounded } from '../support/fleet/history.ts';
import { checkIsHere, checkPorts, clientsOfAProcess } from '../support/fleet/limits.ts';
import { leftOver, makeMembers, namesOf, removeMembers } from '../support/fleet/members.ts';
import { FLEET_WORKER, Fleet } from '../support/fleet/processes.ts';
import { percentile } from '../support/fleet/tally.ts';
import { runWorker } from '../support/fleet/worker.ts';
import { type GatewayOptions, gatewaysOf, hostOption, portOption, tlsOption } from '../support/gateway.ts';
import { onInterrupt } from '../support/interrupt.ts';
import { decimalNumber, wholeNumber } from '../support/numbers.ts';
import type { Output } from '../support/output.ts';
import { Progress } from '../support/progress.ts';
import { isDrawable, LiveBlock } from '../support/redrawn-lines.ts';
import { type Store, withStore } from '../support/store.ts';

interface SimulateOptions extends GatewayOptions {
  clients: number;
  rate: number;
  chatsPerMinute: number;
  duration?: number;
  clean?: boolean;
  yes?: boolean;
}

const DRAW_EVERY_MS = 250;
const REPORT_EVERY_MS = { line: 5_000, json: 1_000 };

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('connect a fleet of clients that behave like real ones, and show the figures')
    .option('--clients <number>', 'how many', wholeNumber(2, 1_000_000), 1_000)
    .option('--rate <number>', 'connections a second, at the start', wholeNumber(1, 10_000), 500)
    .option('--chats-per-minute <number>', 'of each writing client (a quarter of all)', decimalNumber(0.01, 600), 2)
    .option('--duration <seconds>', 'how long to run', wholeNumber(1, 86_400))
    .addOption(hostOption())
    .addOption(portOption())
    .addOption(tlsOption())
    .option('--clean', 'only remove the users of an earlier run that was killed')
    .option('--yes', 'also with gateways or a Redis that are not on this machine')
    .addHelpText(
      'after',
      `
Of 100 clients 55 listen, 25 write to others, 10 leave and come back, 5 are slow, and 5 speak the plain protocol. All
send heartbeats, and acknowledge what they get. Their users (sim-…) are made in Redis and removed at the end: the Redis of
REDIS_URL, or of the \`fronttcp dev\` in this folder. Latency is from client to client.

Examples:
  $ fronttcp simulate --clients 1000
  $ fronttcp simulate --clients 200 --duration 10 --json
  $ fronttcp simulate --clean`,
    )
    .action(async (options: SimulateOptions, command: Command) => {
      const context = await contextOf(command);
      await (options.clean ? clean(context, options.yes ?? false) : simulate(context, options));
    });
}

/** A part of the fleet, started by the command above. */
export function fleetWorkerCommand(): Command {
  return new Command(FLEET_WORKER).action(runWorker);
}

async function simulate(context: Context, options: SimulateOptions): Promise<void> {
  const { output } = context;
  const { clients, yes = false } = options;
  const login = await context.credentials.get(context.apiUrl);
  const addresses = await gatewaysOf(login, context.apiUrl, options);
  await checkIsHere(addresses, { what: `${count(clients)} clients`, usesStore: true, yes });
  checkPorts(clients, addresses.length);
  const signal = onInterrupt();
  await withStore(async (store) => {
    const old = await leftOver(store, 'sim');
    if (old.length > 0) output.note(`${count(old.length)} users of an earlier run are left: fronttcp simulate --clean`);
    const userIds = namesOf('sim', randomBytes(4).toString('hex'), clients);
    const fleet = new Fleet();
    const history = new History(clients);
    let broken: string | undefined;
    try {
      const members = await withProgress(output, clients, 'users made', (report) =>
        makeMembers(store, userIds, report),
      );
      if (!signal.aborted) {
        const { rate: connectsPerSecond, chatsPerMinute } = options;
        history.begin();
        fleet.start(members, clientsOfAProcess(), { addresses, connectsPerSecond, chatsPerMinute });
        broken = await show(fleet, history, { signal, output, options, where: addresses });
      }
    } finally {
      await fleet.stop();
      history.add({ ...fleet.take(), connected: 0, connecting: 0 });
      await remove(store, output, userIds);
    }
    if (broken !== undefined) {
      throw new Failure(
        ExitCode.failed,
        broken,
        'Use fewer clients; fronttcp doctor shows the limits of this machine.',
      );
    }
    output.result({ type: 'end', ...totals(history) }, summary(history));
  });
}

/** Runs until the time is over, until Ctrl-C, or until a part of the fleet has ended. Returns what went wrong. */
async function show(
  fleet: Fleet,
  history: History,
  parts: {
    signal: AbortSignal;
    output: Output;
    options: SimulateOptions;
    where: readonly { host: string; port: number }[];
  },
): Promise<string | undefined> {
  const { signal, output, options } = parts;
  const where = parts.where.map(({ host, port }) => `${host}:${port}`).join(', ');
  const live =
    isDrawable(process.stdout) && !output.isJson && !output.isQuiet ? new LiveBlock(process.stdout) : undefined;
  const everyMs = live ? DRAW_EVERY_MS : output.isJson ? REPORT_EVERY_MS.json : REPORT_EVERY_MS.line;
  const endMs = performance.now() + (options.duration ?? Number.POSITIVE_INFINITY) * 1_000;
  let broken: string | undefined;
  const breaks = fleet.broken.then((why) => {
    broken = why;
  });
  while (!signal.aborted && broken === undefined && performance.now() < endMs) {
    const pauseMs = Math.min(everyMs, Math.max(0, endMs - performance.now()));
    await Promise.race([delay(pauseMs, undefined, { signal }).catch(() => undefined), breaks]);
    history.add(fleet.take());
    const sample = history.sample();
    if (live) live.draw(block(sample, history.rates, where));
    else if (!output.isQuiet) output.line({ type: 'sample', ...sample }, line(sample));
  }
  live?.keep();
  return broken;
}

async function clean({ output }: Context, yes: boolean): Promise<void> {
  await checkIsHere([], { what: 'users would be removed', usesStore: true, yes });
  await withStore(async (store) => {
    const userIds = [...(await leftOver(store, 'sim')), ...(await leftOver(store, 'bench'))];
    if (userIds.length > 0) await remove(store, output, userIds);
    output.result({ removed: userIds.length }, `Removed ${count(userIds.length)} users of earlier runs.`);
  });
}

async function remove(store: Store, output: Output, userIds: readonly string[]): Promise<void> {
  await withProgress(output, userIds.length, 'users removed', (report) => removeMembers(store, userIds, report));
}

async function withProgress<T>(
  output: Output,
  total: number,
  unit: string,
  work: (report: (done: number) => void) => Promise<T>,
): Promise<T> {
  const progress = new Progress(output, total, unit);
  try {
    return await work((done) => progress.update(done));
  } finally {
    progress.end();
  }
}

function totals({ total }: History) {
  const { verified, reconnected, sent, received, stored, acknowledged, failed, refused, lost, latencies } = total;
  const [p50_ms, p99_ms] = [0.5, 0.99].map((share) => rounded(percentile(latencies, share)));
  return { verified, reconnected, sent, received, stored, acknowledged, failed, refused, lost, p50_ms, p99_ms };
}

function summary(history: History): string {
  const { verified, reconnected, sent, received, stored, failed, refused, lost, p50_ms, p99_ms } = totals(history);
  const latency =
    p50_ms === undefined || p99_ms === undefined ? '' : `, p50 ${milliseconds(p50_ms)}, p99 ${milliseconds(p99_ms)}`;
  return [
    `Verified ${count(verified)}, ${count(reconnected)} of them again.`,
    `Sent ${count(sent)}, received ${count(received)} (${count(stored)} after a stay away)${latency}.`,
    `Failed ${count(failed)}, refused ${count(refused)}, lost ${count(lost)}.`,
  ].join('\n');
}
