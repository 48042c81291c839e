import { z } from 'zod';
import type { Plan } from '../plan.ts';
import { OTHER_CPU } from '../scenarios/columns.ts';
import type { Measured } from '../scenarios/scenario.ts';
import { fronttcp } from '../servers/fronttcp.ts';
import { type Child, startChild } from '../support/child.ts';
import { type Figures, noteEnd, parseFigures } from '../support/loadgen.ts';
import type { DeviceOrders } from './devices.ts';
import type { DirectOrders } from './direct.ts';

/** The time of the function's stand-in for one invocation: about that of Lambda to accept an asynchronous one. */
export const FUNCTION_MS = 20;
export const DEVICES = 200;
/** Beside the plan's own: what runs cold leaves a backlog, and until it is gone its wait is all that is seen. */
const MORE_WARMUP_SECONDS = 3;

export interface Work {
  /** `event`: handed on in batches, 110 at once. `request`: the function's reply is waited for. */
  readonly mode: 'event' | 'request';
  /** Items a second; undefined: as fast as it goes. */
  readonly rate?: number;
  /** Only the gateway reads it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** From devices through the gateway to the function. */
export function throughGateway(plan: Plan, work: Work): Promise<Measured> {
  return withEndpoint(plan, async (endpoint) => {
    const gateway = await fronttcp.start(plan, { env: { ...settingsFor(endpoint), ...work.env } });
    try {
      const orders: DeviceOrders = {
        ...paceOf(plan, work),
        port: gateway.port,
        commandId: work.mode === 'event' ? 1_000 : 1_500,
        count: DEVICES,
        pids: gateway.pids,
        helpers: [endpoint.pid, ...(gateway.helpers ?? [])],
      };
      const { loadCpus: cpus, niceness } = plan;
      const args = ['bench/upstream/devices.ts', JSON.stringify(orders)];
      return await rowFrom(await startChild(process.execPath, args, { cpus, niceness }), plan, work, endpoint);
    } finally {
      await gateway.stop();
    }
  });
}

/** One invocation per item by the SDK alone, which has the server's CPU. */
export function throughSdk(plan: Plan, work: Work): Promise<Measured> {
  return withEndpoint(plan, async (endpoint) => {
    const orders: DirectOrders = {
      ...paceOf(plan, work),
      endpoint: endpoint.url,
      type: work.mode === 'event' ? 'Event' : 'RequestResponse',
      pids: [],
      helpers: [endpoint.pid],
    };
    const { serverCpus: cpus, niceness } = plan;
    const args = ['bench/upstream/direct.ts', JSON.stringify(orders)];
    return rowFrom(await startChild(process.execPath, args, { cpus, niceness }), plan, work, endpoint);
  });
}

interface Endpoint {
  readonly pid: number;
  readonly url: string;
}

async function withEndpoint(plan: Plan, act: (endpoint: Endpoint) => Promise<Measured>): Promise<Measured> {
  const { loadCpus: cpus, niceness } = plan;
  const args = ['bench/upstream/endpoint.ts', String(FUNCTION_MS)];
  const child = await startChild(process.execPath, args, { cpus, niceness });
  try {
    const [port] = /\d+/.exec(await child.line(/^listens on \d+/)) ?? [];
    return await act({ pid: child.pid, url: `http://127.0.0.1:${port}` });
  } finally {
    await child.stop();
  }
}

const settingsFor = ({ url }: Endpoint) => ({
  UPSTREAM_FUNCTION: 'f',
  UPSTREAM_LIFECYCLE_FUNCTION: 'none',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_ENDPOINT_URL_LAMBDA: url,
});

function paceOf({ warmupSeconds, seconds, isQuick }: Plan, { rate }: Work) {
  return { rate, warmupSeconds: warmupSeconds + (isQuick ? 0 : MORE_WARMUP_SECONDS), seconds };
}

async function rowFrom(generator: Child, plan: Plan, { mode }: Work, { url }: Endpoint): Promise<Measured> {
  try {
    const { warmupSeconds, seconds } = paceOf(plan, { mode });
    const figures = parseFigures(await generator.line(/^from=/, 1_000 * (warmupSeconds + seconds) + 30_000));
    noteEnd();
    const report = await fetch(`${url}/report?from=${figures.from}&to=${figures.to}`);
    return rowOf(mode, figures, endpointReport.parse(await report.json()));
  } finally {
    await generator.stop();
  }
}

const endpointReport = z.object({ invocations: z.int(), count: z.int(), p50: z.number(), p99: z.number() });

/** The figures of generator and endpoint for the same window, in our columns. Throws when nothing came. */
export function rowOf(mode: Work['mode'], figures: Figures, report: z.infer<typeof endpointReport>): Measured {
  const { from = 0, to = 0, server = 0, others = 0, refused = 0, p50, p99 } = figures;
  if (report.count === 0) throw new Error(`no item came to the function; ${refused} refused`);
  const seconds = (to - from) / 1_000;
  return {
    rate: report.count / seconds,
    invocations: report.invocations / seconds,
    ...(mode === 'event' ? { p50: report.p50, p99: report.p99, accepted: p50 } : { p50, p99 }),
    cpuEach: (1e6 * server) / report.count,
    refused,
    [OTHER_CPU]: (100 * others) / seconds,
  };
}
