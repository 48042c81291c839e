import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findRedisServer } from '../faults/redis-server.ts';
import type { GatewayProcess } from '../kit/gateway-process.ts';
import { startStoreProxy } from '../kit/store-proxy.ts';
import { until } from '../kit/until.ts';
import type { Fault, Scene } from './faults.ts';
import { startDrillGateway, sumOf } from './gateway.ts';
import { type Alerts, startPrometheus } from './prometheus.ts';

/** In this time a fault has to be seen. */
export const SEEN_WITHIN_MS = 15_000;
/** The longest wait, so that a late finding is reported with its time. */
const LOOK_MS = 40_000;
/** A gateway that does not say its metrics in this time is seen by what it says afterwards. */
const LOOK_TIMEOUT_MS = 1_000;
/** Alerts have waits of their own. */
const ALERT_MS = 100_000;

export interface Finding {
  readonly fault: Fault;
  /** From the injection on; undefined: never. */
  readonly metricMs: number | undefined;
  readonly logMs: number | undefined;
  /** The line of the log. */
  readonly line: string | undefined;
  /** Alerts of the fault that never fired, and those that went on after its end. Undefined: there is no Prometheus here. */
  readonly silent: readonly string[] | undefined;
  readonly stuck: readonly string[] | undefined;
}

/** Whether a fault raised its alerts, and its end ended them. */
export function isAlarmed({ silent, stuck }: Finding): boolean {
  return silent?.length === 0 && stuck?.length === 0;
}

/** Whether a fault was seen in time, in metrics and in the log. */
export function isSeen({ metricMs, logMs }: Finding): boolean {
  return [metricMs, logMs].every((ms) => ms !== undefined && ms <= SEEN_WITHIN_MS);
}

/** Makes a system of its own, injects the fault, and looks how long it takes until it is seen. */
export async function drill(fault: Fault, { lookMs = LOOK_MS, withAlerts = true } = {}): Promise<Finding> {
  const undo: (() => unknown)[] = [];
  const onEnd = (work: () => unknown) => void undo.push(work);
  try {
    const folder = await mkdtemp(join(tmpdir(), 'fronttcp-drill-'));
    onEnd(() => rm(folder, { recursive: true, force: true }));
    const server = await findRedisServer(folder, false, ['--save', '', '--appendonly', 'no']);
    onEnd(() => server.stop());
    const proxy = await startStoreProxy(server.port);
    onEnd(() => proxy.close());
    const redis = new Redis(server.url);
    redis.on('error', () => undefined);
    onEnd(() => redis.disconnect());
    const env = { ...(await fault.env?.(onEnd)), REDIS_URL: proxy.url, DRAIN_TIMEOUT_MS: '500' };
    const gateway = await start(env, fault, onEnd);
    const victim = fault.needsTwo ? await start(env, fault, onEnd) : undefined;
    const call = (name: string, ...args: (string | number)[]) => redis.call(name, ...args);
    const ports = [gateway, victim].flatMap((one) => one?.healthPort ?? []);
    const alerts = withAlerts ? await startPrometheus(folder, ports, fault.lookBackSeconds) : undefined;
    onEnd(() => alerts?.stop());
    return await look(fault, { gateway, victim, proxy, redis: call, onEnd }, alerts, lookMs);
  } finally {
    for (const work of undo.reverse()) await work();
  }
}

async function start(
  env: Readonly<Record<string, string>>,
  { inner, maxFiles }: Fault,
  onEnd: Scene['onEnd'],
): Promise<GatewayProcess> {
  const gateway = await startDrillGateway({ env, inner, maxFiles });
  onEnd(() => gateway.process.stop('SIGKILL'));
  return gateway;
}

async function look(fault: Fault, scene: Scene, alerts: Alerts | undefined, lookMs: number): Promise<Finding> {
  const { gateway } = scene;
  const read = fault.read ?? ((metrics: string) => sumOf(metrics, fault.metric));
  // The store has been asked once: what it said is the base.
  await until('the gateway has looked around', async () =>
    sumOf(await gateway.metrics(LOOK_TIMEOUT_MS), 'fronttcp_deployment_gateways'),
  );
  await fault.prepare?.(scene);
  const before = read(await gateway.metrics(LOOK_TIMEOUT_MS));
  const saidBefore = gateway.process.output().length;
  const startedAt = performance.now();
  const found: { metricMs: number | undefined; line: string | undefined; logMs: number | undefined } = {
    metricMs: undefined,
    line: undefined,
    logMs: undefined,
  };
  const injected = fault.inject(scene);
  await until(
    'it is seen',
    async () => {
      const nowMs = () => Math.round(performance.now() - startedAt);
      if (found.line === undefined) {
        const said = gateway.process.output().slice(saidBefore).split('\n');
        found.line = said.find((line) => line.includes(`"event":"${fault.event}"`));
        if (found.line !== undefined) found.logMs = nowMs();
      }
      if (found.metricMs === undefined && read(await gateway.metrics(LOOK_TIMEOUT_MS)) > before)
        found.metricMs = nowMs();
      return found.line !== undefined && found.metricMs !== undefined;
    },
    { timeoutMs: lookMs, everyMs: 200 },
  ).catch(() => undefined);
  const end = await injected;
  if (alerts === undefined) {
    await end?.();
    return { fault, ...found, silent: undefined, stuck: undefined };
  }
  const silent = await missing(fault.alerts, () => alerts.fired());
  await end?.();
  // What it raised is over when it fires no more.
  const stuck = await missing(fault.alerts, async () => {
    const firing = await alerts.firing();
    return new Set(fault.alerts.filter((name) => !firing.has(name)));
  });
  return { fault, ...found, silent, stuck };
}

/** Which of the names were not there in time. */
async function missing(names: readonly string[], read: () => Promise<ReadonlySet<string>>): Promise<string[]> {
  let left = [...names];
  const look = async () => {
    const there = await read();
    left = names.filter((name) => !there.has(name));
    return left.length === 0;
  };
  await until('all are there', look, { timeoutMs: ALERT_MS, everyMs: 500 }).catch(() => undefined);
  return left;
}
