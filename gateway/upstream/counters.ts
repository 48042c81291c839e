import { Counter, Gauge, type Registry } from 'prom-client';
import type { InvocationFailure } from './invoker.ts';

/** Plain numbers, added to where things happen and read when somebody asks. */
export class UpstreamCounters {
  itemsSpooled = 0;
  itemsRefused = 0;
  itemsHandedOn = 0;
  itemsDead = 0;
  lifecycleHandedOn = 0;
  lifecycleGaps = 0;
  batches = 0;
  batchFailures = 0;
  requests = 0;
  requestsAnswered = 0;
  requestsRefused = 0;
  commandsSent = 0;
  /** Invocations that failed, by the error that the device gets. */
  readonly failures = new Map<InvocationFailure, number>([
    ['upstream_failed', 0],
    ['upstream_timeout', 0],
    ['upstream_throttled', 0],
    ['upstream_too_large', 0],
  ]);

  failed(failure: InvocationFailure): void {
    this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
  }

  get allFailures(): number {
    return [...this.failures.values()].reduce((sum, count) => sum + count, 0);
  }

  get throttles(): number {
    return this.failures.get('upstream_throttled') ?? 0;
  }
}

type NumberField = {
  [Name in keyof UpstreamCounters]: UpstreamCounters[Name] extends number ? Name : never;
}[keyof UpstreamCounters];

const SUMS: readonly [name: string, help: string, field: NumberField][] = [
  ['fronttcp_upstream_items_spooled_total', 'Items of devices that Redis took for the function', 'itemsSpooled'],
  [
    'fronttcp_upstream_items_refused_total',
    'Items that Redis did not take: the spool was full, or the store refused them',
    'itemsRefused',
  ],
  ['fronttcp_upstream_items_handed_on_total', 'Items that Lambda took', 'itemsHandedOn'],
  ['fronttcp_upstream_items_dead_total', 'Items larger than Lambda takes', 'itemsDead'],
  ['fronttcp_upstream_lifecycle_handed_on_total', 'Lifecycle events that Lambda took', 'lifecycleHandedOn'],
  [
    'fronttcp_upstream_lifecycle_gaps_total',
    'Gaps in the lifecycle events: the stream had lost the oldest',
    'lifecycleGaps',
  ],
  ['fronttcp_upstream_batches_total', 'Asynchronous invocations that Lambda took', 'batches'],
  [
    'fronttcp_upstream_batch_failures_total',
    'Asynchronous invocations that failed and are tried again',
    'batchFailures',
  ],
  ['fronttcp_upstream_requests_total', 'Requests of devices', 'requests'],
  ['fronttcp_upstream_requests_answered_total', 'Requests that the function answered', 'requestsAnswered'],
  ['fronttcp_upstream_requests_refused_total', 'Requests answered by an error frame', 'requestsRefused'],
  ['fronttcp_upstream_commands_sent_total', 'Commands that replies of the function sent', 'commandsSent'],
];

interface UpstreamGauges {
  spooling: number;
  requests: number;
  lanes: number;
  batches: number;
}

export function registerUpstreamMetrics(
  registry: Registry,
  counters: UpstreamCounters,
  gauges: () => UpstreamGauges,
): void {
  const registers = [registry];
  for (const [name, help, field] of SUMS) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(counters[field]);
      },
    });
  }
  new Counter({
    name: 'fronttcp_upstream_failures_total',
    help: 'Invocations that failed',
    labelNames: ['failure'],
    registers,
    collect() {
      this.reset();
      for (const [failure, count] of counters.failures) this.inc({ failure }, count);
    },
  });
  const gauge = (name: string, help: string, field: keyof UpstreamGauges) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(gauges()[field]);
      },
    });
  gauge('fronttcp_upstream_spooling', 'Items on their way to Redis', 'spooling');
  gauge('fronttcp_upstream_requests_open', 'Requests that wait or are with the function', 'requests');
  gauge('fronttcp_upstream_lanes', 'Lanes that this gateway hands on', 'lanes');
  gauge('fronttcp_upstream_batches_open', 'Asynchronous invocations in flight', 'batches');
}
