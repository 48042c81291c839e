import type { Registry as MetricsRegistry } from 'prom-client';
import type { Probe } from '../../contract/store/scripts/probe.ts';
import { startTraces, type Traces } from '../../shared/trace.ts';
import type { GatewayConfig } from '../config.ts';
import type { GatewayContext } from '../context.ts';
import { Shedding } from '../fleet/rebalance.ts';
import type { Session } from '../session/session.ts';
import { EmfReport } from './emf-report.ts';
import { EventLoop } from './event-loop.ts';
import { createMetrics } from './metrics.ts';
import { SessionSums } from './session-totals.ts';
import { StoreProbe } from './store-probe.ts';
import { TaskProtection } from './task-protection.ts';
import { Watch } from './watch.ts';

/** A collector that does not answer must not hold up a stop. */
const EXPORT_TIMEOUT_MS = 3_000;

export interface ObservedParts {
  connections: () => number;
  sessions: () => Iterable<Session>;
  inboxOpen: () => number;
  routesWaiting: () => number;
  routeBytes: () => number;
}

/** Makes, starts and stops whatever looks at this gateway and tells of it. */
export class Observer {
  readonly metrics: MetricsRegistry;
  readonly #eventLoop = new EventLoop();
  readonly #probe: StoreProbe;
  readonly #watch: Watch;
  readonly #emf: EmfReport | undefined;
  readonly #protection: TaskProtection | undefined;
  readonly #shedding: Shedding | undefined;

  constructor(context: GatewayContext, parts: ObservedParts) {
    const { config, counters, redis, keys, lease, log, tail } = context;
    const { connections, sessions } = parts;
    const onAnswer = ({ followed }: Probe, offsetMs: number) => {
      counters.redisOffsetMs = offsetMs;
      tail.follow(followed);
    };
    const probe = new StoreProbe({ redis, keys, lease, onAnswer });
    const eventLoop = this.#eventLoop;
    const sums = new SessionSums(sessions);
    this.#probe = probe;
    this.metrics = createMetrics(context, { ...parts, sums, probe, eventLoop });
    this.#watch = new Watch(context, { probe, eventLoop, sums });
    const { metricsDeployment, taskProtectionAgent, shedAbove } = config;
    if (metricsDeployment !== undefined) {
      const write = (line: string) => void process.stdout.write(line);
      this.#emf = new EmfReport(context, metricsDeployment, { connections, probe, eventLoop, write });
    }
    if (taskProtectionAgent !== undefined) {
      this.#protection = new TaskProtection({ agentUri: taskProtectionAgent, connections, log });
    }
    if (shedAbove > 0) {
      const fleet = () => probe.latest?.connections;
      this.#shedding = new Shedding({ above: shedAbove, connections, fleet, sessions, log });
    }
  }

  /** To be called when the lease is held. */
  start(): void {
    this.#eventLoop.start();
    this.#probe.start();
    this.#watch.start();
    this.#emf?.start();
    this.#protection?.start();
    this.#shedding?.start();
  }

  /** The drain begins: the task may go when it is over, and nobody is sent away for another reason. */
  async drain(): Promise<void> {
    this.#shedding?.stop();
    await this.#protection?.release();
  }

  stop(): void {
    this.#watch.stop();
    this.#probe.stop();
    this.#emf?.stop();
    this.#eventLoop.stop();
  }
}

/** Undefined: nobody asked for traces. */
export async function tracesOf({ otlpEndpoint }: GatewayConfig): Promise<Traces | undefined> {
  if (otlpEndpoint === undefined) return undefined;
  return startTraces({ service: 'fronttcp-gateway', endpoint: otlpEndpoint, timeoutMs: EXPORT_TIMEOUT_MS });
}
