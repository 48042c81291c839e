import type { Registry as MetricsRegistry } from 'prom-client';
import type { Keys } from '../../contract/store/keys.ts';
import type { Probe } from '../../contract/store/scripts/probe.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { startTraces, type Traces } from '../../shared/trace.ts';
import { EmfReport, type EmfSources } from './emf-report.ts';
import type { EventLoop } from './event-loop.ts';
import { FiguresReport } from './figures-report.ts';
import type { GatewayLog } from './log.ts';
import { logOutput } from './log-output.ts';
import { LogWarnings } from './log-warnings.ts';
import { createMetrics, type MetricSources } from './metrics.ts';
import { type ObservedSession, SessionTotals } from './session-totals.ts';
import { StoreProbe } from './store-probe.ts';
import { TaskProtection } from './task-protection.ts';

/** A collector that does not reply must not hold up a stop. */
const EXPORT_TIMEOUT_MS = 3_000;

/** What is looked at. */
type ObservedParts = Omit<MetricSources, 'sums' | 'probe'> &
  Pick<EmfSources, 'upstream'> & {
    readonly sessions: () => Iterable<ObservedSession>;
    readonly redis: RedisPort;
    readonly keys: Keys;
    readonly lease: { readonly gatewayId: string };
    readonly tail: { follow(users: readonly string[]): void };
    readonly config: {
      readonly metricsDeployment: string | undefined;
      readonly taskProtectionAgent: string | undefined;
    };
    readonly log: GatewayLog;
  };

/** Makes, starts and stops the parts that look at this gateway and report it. */
export class Observer {
  readonly metrics: MetricsRegistry;
  readonly #eventLoop: EventLoop;
  readonly #probe: StoreProbe;
  readonly #warnings: LogWarnings;
  readonly #emf: EmfReport | undefined;
  readonly #protection: TaskProtection | undefined;
  readonly #figures: FiguresReport;

  constructor(parts: ObservedParts) {
    const { config, counters, redis, keys, lease, log, tail, connections, sessions, eventLoop } = parts;
    const onAnswer = ({ followed }: Probe, offsetMs: number) => {
      counters.redisOffsetMs = offsetMs;
      tail.follow(followed);
    };
    const probe = new StoreProbe({ redis, keys, lease, onAnswer });
    const sums = new SessionTotals(sessions);
    this.#probe = probe;
    this.#eventLoop = eventLoop;
    this.metrics = createMetrics({ ...parts, sums, probe });
    this.#warnings = new LogWarnings({ counters, probe, eventLoop, sums, log });
    this.#figures = new FiguresReport(parts);
    const { metricsDeployment, taskProtectionAgent } = config;
    if (metricsDeployment !== undefined) {
      const write = (line: string) => void logOutput().write(line);
      this.#emf = new EmfReport(metricsDeployment, { ...parts, probe, write });
    }
    if (taskProtectionAgent !== undefined) {
      this.#protection = new TaskProtection({ agentUri: taskProtectionAgent, connections, log });
    }
  }

  /** To be called when the lease is held. */
  start(): void {
    this.#eventLoop.start();
    this.#probe.start();
    this.#warnings.start();
    this.#emf?.start();
    this.#figures.start();
    this.#protection?.start();
  }

  /** The number of connections of every live gateway, as last reported; undefined: not known yet. */
  get fleetConnections(): readonly number[] | undefined {
    return this.#probe.latest?.connections;
  }

  /** The drain begins: the platform may stop the task when it is over. Does not reject. */
  async releaseTask(): Promise<void> {
    await this.#protection?.release();
  }

  /** Redis must still be there. Does not reject. */
  async stop(): Promise<void> {
    this.#warnings.stop();
    this.#probe.stop();
    this.#emf?.stop();
    this.#eventLoop.stop();
    await this.#figures.stop();
  }
}

/** Undefined: traces are off. */
export async function tracesOf(otlpEndpoint: string | undefined): Promise<Traces | undefined> {
  if (otlpEndpoint === undefined) return undefined;
  return startTraces({ service: 'fronttcp-gateway', endpoint: otlpEndpoint, timeoutMs: EXPORT_TIMEOUT_MS });
}
