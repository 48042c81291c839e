import { NODE_FLAGS } from '../../gateway/node-flags.ts';
import { spread } from '../report/summary.ts';
import { type Child, startChild } from '../support/child.ts';
import { compile } from '../support/compile.ts';
import { parseFigures } from '../support/loadgen.ts';
import { type BenchRedis, FIRST_USER, writeUsers } from '../support/redis.ts';

/** One gateway and the process that is its clients. */
export interface Pair {
  readonly gateway: Child;
  readonly clients: Child;
  readonly verified: number;
  readonly healthPort: number;
}

/** Fifty gateways share this machine's CPUs: one that must wait ten seconds for its turn is not dead. */
const LEASE_MS = '60000';
const READY_TIMEOUT_MS = 120_000;
const CONNECT_TIMEOUT_MS = 600_000;
const REPORT_TIMEOUT_MS = 60_000;
/** Until it gets the order to stop. */
const FOR_EVER_SECONDS = 86_400;

interface PairOptions {
  /** Which one it is: its clients' users and their loopback address are its own. */
  readonly index: number;
  readonly count: number;
  readonly perGateway: number;
  readonly heartbeatSeconds: number;
}

/** Starts one gateway and connects its clients. */
export async function startPair(redis: BenchRedis, options: PairOptions): Promise<Pair> {
  const { index, count, perGateway, heartbeatSeconds } = options;
  const from = index * perGateway;
  await writeUsers(redis.client, count, from);
  const gateway = await startChild(process.execPath, [...NODE_FLAGS, 'gateway/main.ts'], {
    env: {
      REDIS_URL: redis.url,
      GATEWAY_HOST: '127.0.0.1',
      GATEWAY_PORT: '0',
      HEALTH_PORT: '0',
      LOG_LEVEL: 'info',
      DRAIN_TIMEOUT_MS: '0',
      LEASE_MS,
      HEARTBEAT_TIMEOUT_MS: `${heartbeatSeconds * 1_500}`,
    },
  });
  try {
    return await connectClients(gateway, options, from);
  } catch (error) {
    await gateway.stop('SIGKILL');
    throw error;
  }
}

async function connectClients(gateway: Child, options: PairOptions, from: number): Promise<Pair> {
  const { index, count, heartbeatSeconds } = options;
  await gateway.line(/ready for clients/, READY_TIMEOUT_MS);
  const [, port = '', healthPort] = /listens on \S+:(\d+), health on \S+:(\d+)/.exec(gateway.output()) ?? [];
  const users = ['-B', `${FIRST_USER + from}`, '-A', `${index}`, '-n', `${count}`];
  const stay = ['-m', 'idle', '-H', `${heartbeatSeconds}`, '-W', '0', '-d', `${FOR_EVER_SECONDS}`];
  const clients = await startChild(await compile('loadgen'), ['-P', port, ...users, ...stay]);
  const figures = parseFigures(await clients.line(/conn\/s=/, CONNECT_TIMEOUT_MS));
  return { gateway, clients, verified: figures.n ?? 0, healthPort: Number(healthPort) };
}

/** The messages of all pairs' clients since the last question; `number` counts the questions from 1. */
export async function report(pairs: readonly Pair[], number: number): Promise<Report> {
  const all = await Promise.all(
    pairs.map(async ({ clients }) => {
      clients.process.kill('SIGUSR1');
      const line = await clients.line(new RegExp(`^report=${number} .* end$`), REPORT_TIMEOUT_MS);
      const { delivered = 0, dead = 0, p50us = 0, p99us = 0, maxus = 0 } = parseFigures(line);
      return { delivered, dead, p50Ms: p50us / 1_000, p99Ms: p99us / 1_000, maxMs: maxus / 1_000 };
    }),
  );
  const medians = all.filter(({ delivered }) => delivered > 0).map(({ p50Ms }) => p50Ms);
  return {
    delivered: all.reduce((sum, { delivered }) => sum + delivered, 0),
    dead: all.reduce((sum, { dead }) => sum + dead, 0),
    p50Ms: medians.length > 0 ? spread(medians).median : 0,
    p99Ms: Math.max(...all.map(({ p99Ms }) => p99Ms)),
    maxMs: Math.max(...all.map(({ maxMs }) => maxMs)),
  };
}

/** What went wrong in the gateways' own eyes. */
interface Troubles {
  /** How often one was not given a CPU within its lease: it then delivers nothing until it has a new one. */
  readonly leasesLost: number;
  /** Connections that they closed, by reason. */
  readonly closed: Readonly<Record<string, number>>;
}

export async function troubles(pairs: readonly Pair[]): Promise<Troubles> {
  const closed: Record<string, number> = {};
  let leasesLost = 0;
  for (const { healthPort } of pairs) {
    const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
    leasesLost += Number(/^fronttcp_lease_losses_total (\d+)$/m.exec(metrics)?.[1]);
    for (const [, reason = '', count] of metrics.matchAll(/^fronttcp_closes_total\{reason="(\w+)"\} (\d+)$/gm)) {
      if (Number(count) > 0) closed[reason] = (closed[reason] ?? 0) + Number(count);
    }
  }
  return { leasesLost, closed };
}

interface Report {
  readonly delivered: number;
  readonly dead: number;
  /** Of the generator in the middle. */
  readonly p50Ms: number;
  /** Of the generator that fared worst. */
  readonly p99Ms: number;
  readonly maxMs: number;
}
