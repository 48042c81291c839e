import { EMF_MAX_VALUES, emfLine, MetricName, type MetricValue } from '../../contract/metrics.ts';
import { representatives } from '../../shared/histogram.ts';
import { CloseReasons } from '../session/close-reasons.ts';
import type { Counters } from './counters.ts';
import type { EventLoop } from './event-loop.ts';
import type { StoreProbe } from './store-probe.ts';

const PERIOD_MS = 60_000;
/** Each metric that is reported costs money: these stay out of a line. */
const NOT_REPORTED: MetricValue = { unit: 'Count', value: [] };

export interface EmfSources {
  readonly counters: Counters;
  readonly registry: { readonly size: number };
  readonly redis: { readonly use: { readonly errors: number } };
  readonly lease: { readonly lossCount: number };
  /** Undefined: no function takes what devices send. */
  readonly upstream: { readonly counters: { readonly allFailures: number; readonly throttles: number } } | undefined;
  connections: () => number;
  probe: StoreProbe;
  eventLoop: EventLoop;
  write: (line: string) => void;
}

/** Reports to CloudWatch by a line of Embedded Metric Format a minute: what grows, as its growth since the last line. */
export class EmfReport {
  readonly #sources: EmfSources;
  readonly #deployment: string;
  readonly #before = new Map<string, number>();
  #latencyBefore: readonly number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(deployment: string, sources: EmfSources) {
    this.#deployment = deployment;
    this.#sources = sources;
  }

  /** The first line comes at once: a gateway that does not live a minute is seen, too. */
  start(): void {
    this.report();
    this.#timer = setInterval(() => this.report(), PERIOD_MS);
    this.#timer.unref();
  }

  /** The last, shorter minute is not lost. */
  stop(): void {
    clearInterval(this.#timer);
    this.report();
  }

  report(): void {
    this.#sources.write(`${emfLine(this.#deployment, Date.now(), this.#metrics())}\n`);
  }

  #metrics(): Readonly<Record<MetricName, MetricValue>> {
    const { counters, registry, redis, lease, upstream, connections, probe, eventLoop } = this.#sources;
    const count = (name: MetricName, sum: number): MetricValue => ({ unit: 'Count', value: this.#growth(name, sum) });
    return {
      [MetricName.connections]: { unit: 'Count', value: connections() },
      [MetricName.sessions]: { unit: 'Count', value: registry.size },
      [MetricName.accepts]: count(MetricName.accepts, counters.accepts),
      [MetricName.authFailures]: count(MetricName.authFailures, counters.refusedVerifies),
      [MetricName.heartbeatTimeouts]: count(
        MetricName.heartbeatTimeouts,
        counters.closes.get(CloseReasons.heartbeatTimeout.name) ?? 0,
      ),
      [MetricName.framesIn]: count(MetricName.framesIn, counters.framesIn),
      [MetricName.framesOut]: count(MetricName.framesOut, counters.framesOut),
      [MetricName.delivered]: count(MetricName.delivered, counters.delivered),
      [MetricName.deliveryLatency]: { unit: 'Milliseconds', value: this.#latencies() },
      [MetricName.oldestUndelivered]: { unit: 'Seconds', value: (probe.latest?.oldestAgeMs ?? 0) / 1_000 },
      [MetricName.slowReaders]: count(MetricName.slowReaders, counters.slowReaders),
      [MetricName.deadLetters]: count(MetricName.deadLetters, counters.deadLetters),
      [MetricName.redisErrors]: count(MetricName.redisErrors, redis.use.errors),
      [MetricName.leaseLosses]: count(MetricName.leaseLosses, lease.lossCount),
      [MetricName.eventLoopDelay]: { unit: 'Milliseconds', value: Math.round(eventLoop.takeP99Ms() * 10) / 10 },
      [MetricName.queueWaiting]: { unit: 'Count', value: probe.latest?.queueWaiting ?? 0 },
      [MetricName.messagesLost]: this.#sinceStart(MetricName.messagesLost, probe.latest?.sums.get('lost')),
      [MetricName.messagesRepeated]: this.#sinceStart(MetricName.messagesRepeated, probe.latest?.sums.get('repeated')),
      [MetricName.routeFailures]: count(MetricName.routeFailures, counters.routeFailures),
      [MetricName.inboxUnread]: count(MetricName.inboxUnread, counters.unreadRecords),
      [MetricName.upstreamFailures]: upstream
        ? count(MetricName.upstreamFailures, upstream.counters.allFailures)
        : NOT_REPORTED,
      [MetricName.upstreamThrottles]: upstream
        ? count(MetricName.upstreamThrottles, upstream.counters.throttles)
        : NOT_REPORTED,
    };
  }

  /** Of a sum that is older than this process: the first value is where counting begins. */
  #sinceStart(name: MetricName, sum: number | undefined): MetricValue {
    if (sum !== undefined && !this.#before.has(name)) this.#before.set(name, sum);
    return { unit: 'Count', value: sum === undefined ? 0 : this.#growth(name, sum) };
  }

  #growth(name: string, sum: number): number {
    const growth = sum - (this.#before.get(name) ?? 0);
    this.#before.set(name, sum);
    return growth;
  }

  #latencies(): number[] {
    const { bounds, counts } = this.#sources.counters.liveMs;
    const growth = [...counts].map((count, i) => count - (this.#latencyBefore[i] ?? 0));
    this.#latencyBefore = [...counts];
    return representatives(bounds, growth, EMF_MAX_VALUES);
  }
}
