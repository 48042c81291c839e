import { collectDefaultMetrics, Registry as MetricsRegistry } from 'prom-client';
import { type Refusal, Refusals } from '../../contract/wire/refusals.ts';
import { type CloseReason, CloseReasons } from '../session/close-reasons.ts';
import type { StoreUse } from '../store/store-use.ts';
import type { Counters } from './counters.ts';
import type { EventLoop } from './event-loop.ts';
import { MetricKinds } from './metric-kinds.ts';
import type { SessionTotals } from './session-totals.ts';
import type { StoreProbe } from './store-probe.ts';

type NumberField = {
  [Name in keyof Counters]: Counters[Name] extends number ? Name : never;
}[keyof Counters];

/** Sums, and the fields where they are read: hot paths only add to plain numbers. */
const SUMS: readonly [name: string, help: string, field: NumberField][] = [
  ['fronttcp_accepts_total', 'TCP connections that came, also those that were then turned away', 'accepts'],
  ['fronttcp_frames_received_total', 'Frames received', 'framesIn'],
  ['fronttcp_frames_sent_total', 'Frames handed to the kernel', 'framesOut'],
  ['fronttcp_bytes_received_total', 'Bytes received', 'bytesIn'],
  ['fronttcp_bytes_sent_total', 'Bytes of frames handed to the kernel', 'bytesOut'],
  ['fronttcp_verified_total', 'Verifies that succeeded', 'verified'],
  ['fronttcp_verify_refused_total', 'Verifies that were refused', 'refusedVerifies'],
  ['fronttcp_verify_delayed_total', 'Verifies that had to wait because others had failed', 'delayedVerifies'],
  ['fronttcp_bad_frames_total', 'Frames that were refused', 'badFrames'],
  ['fronttcp_throttled_total', 'Times a session was not read because it was over its rate', 'throttled'],
  ['fronttcp_acknowledged_total', 'Messages acknowledged', 'acknowledged'],
  ['fronttcp_asks_total', 'Messages that ask for a reply, handed to the kernel', 'asked'],
  [
    'fronttcp_stashed_total',
    'Messages that went to a mailbox because their session had moved on or was behind',
    'stashed',
  ],
  ['fronttcp_released_total', 'Scheduled commands released when they were due', 'released'],
  ['fronttcp_routed_total', 'Commands of clients that were routed through Redis', 'routed'],
  ['fronttcp_route_failures_total', 'Calls of the route script that failed', 'routeFailures'],
  ['fronttcp_routes_refused_total', 'Commands of clients that the route script does not take', 'routesRefused'],
  ['fronttcp_queue_entries_total', 'Entries taken from the public queue', 'queueTaken'],
  ['fronttcp_dead_letters_total', 'Queue entries that went to the dead-letter list', 'deadLetters'],
  ['fronttcp_inbox_unread_total', 'Records of the inbox that this version does not know', 'unreadRecords'],
  ['fronttcp_slow_readers_total', 'Sessions closed because they read too slowly', 'slowReaders'],
  ['fronttcp_burials_total', 'Dead gateways that this one buried', 'burials'],
];

/** Of the deployment's sums in Redis, those that count messages. Any gateway reports the same: take the maximum, not the sum. */
const OUTCOMES = ['routed', 'stored', 'written', 'acknowledged', 'rerouted', 'dropped', 'lost', 'dead_lettered'];

const REASONS = Object.values(CloseReasons);
/** Reasons for which a connection is turned away before it has a session. */
const REFUSALS = [
  CloseReasons.gatewayFull,
  CloseReasons.addressFull,
  CloseReasons.acceptRate,
  CloseReasons.noProxyHeader,
  CloseReasons.tlsFailed,
];

/** A series that appears with its first event would hide that event from a query for increases. */
function withZeros(counts: ReadonlyMap<string, number>, reasons: readonly CloseReason[] = REASONS) {
  return reasons.map(({ name }) => [name, counts.get(name) ?? 0] as const);
}

export interface MetricSources {
  readonly counters: Counters;
  readonly registry: { readonly size: number };
  readonly stalled: { readonly bytes: number };
  readonly verifier: { readonly waiting: number };
  readonly lease: {
    readonly lossCount: number;
    readonly renewalsMissed: number;
    readonly remainingMs: number;
    readonly ageMs: number;
  };
  readonly redis: { readonly use: StoreUse };
  /** Which implementation of gateway/net is in use. */
  readonly network: 'node' | 'native';
  connections: () => number;
  inboxOpen: () => number;
  routesWaiting: () => number;
  routeBytes: () => number;
  sums: SessionTotals;
  probe: StoreProbe;
  eventLoop: EventLoop;
}

/** What one gateway reports about itself, as Prometheus text. docs/metrics.md has a line for each. */
export function createMetrics(sources: MetricSources): MetricsRegistry {
  const registry = new MetricsRegistry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const metrics = new MetricKinds(registry);
  const { counters } = sources;
  for (const [name, help, field] of SUMS) metrics.sum(name, help, () => counters[field]);
  registerConnections(metrics, sources);
  registerDelivery(metrics, sources);
  registerStore(metrics, sources);
  registerProcess(metrics, sources);
  return registry;
}

function registerConnections(metrics: MetricKinds, sources: MetricSources) {
  const { counters, registry, stalled, verifier, connections, sums } = sources;
  metrics.gauge(
    'fronttcp_net_info',
    'Always 1: what reads and writes the sockets',
    () => [[sources.network, 1]],
    'net',
  );
  metrics.gauge('fronttcp_connections', 'Open TCP connections', connections);
  metrics.gauge('fronttcp_sessions', 'Verified sessions', () => registry.size);
  metrics.gauge('fronttcp_sessions_replaying', 'Sessions served from their mailboxes', () => sums.now.replaying);
  metrics.gauge(
    'fronttcp_sessions_stalled',
    'Sessions whose client has read nothing for a second',
    () => sums.now.stalled,
  );
  metrics.gauge('fronttcp_outbox_bytes', 'Bytes waiting in all outboxes', () => sums.now.outboxBytes);
  metrics.gauge('fronttcp_outbox_largest_bytes', 'The fullest outbox', () => sums.now.largestOutboxBytes);
  metrics.gauge('fronttcp_stalled_bytes', 'Bytes for readers that have stopped reading', () => stalled.bytes);
  metrics.sum('fronttcp_closes_total', 'Connections closed, by reason', () => withZeros(counters.closes), 'reason');
  metrics.sum(
    'fronttcp_connections_refused_total',
    'Connections turned away, by reason',
    () => withZeros(counters.refusedConnections, REFUSALS),
    'reason',
  );
  metrics.gauge('fronttcp_verifies_waiting', 'Verifies waiting for Redis', () => verifier.waiting);
  metrics.histogram('fronttcp_verify_seconds', 'From a verify to its verdict', counters.verifyMs);
}

function registerDelivery(metrics: MetricKinds, sources: MetricSources) {
  const { counters, probe, inboxOpen, routesWaiting, routeBytes } = sources;
  metrics.sum(
    'fronttcp_delivered_total',
    'Messages handed to the kernel, by the way they came',
    () => [
      ['direct', counters.deliveredDirect],
      ['inbox', counters.deliveredInbox],
      ['mailbox', counters.deliveredMailbox],
      ['broadcast', counters.deliveredBroadcast],
    ],
    'way',
  );
  metrics.sum(
    'fronttcp_refusals_total',
    'Frames that were refused, by error',
    () => (Object.keys(Refusals) as Refusal[]).map((error) => [error, counters.refusals.get(error) ?? 0]),
    'error',
  );
  metrics.sum(
    'fronttcp_behind_total',
    'Sessions served from their mailbox because an outbox was full',
    () => [
      ['session', counters.behindSession],
      ['all', counters.behindAll],
    ],
    'bound',
  );
  metrics.histogram('fronttcp_delivery_seconds', 'From accepted to written, through the inbox', counters.liveMs);
  metrics.histogram('fronttcp_stored_delivery_seconds', 'From accepted to written, via a mailbox', counters.storedMs);
  metrics.histogram(
    'fronttcp_acknowledgement_seconds',
    'From written to acknowledged, of a sample',
    counters.acknowledgements.ms,
  );
  metrics.histogram('fronttcp_reply_seconds', 'From written to replied, of a sample', counters.replyTimes.ms);
  metrics.sum(
    'fronttcp_replies_total',
    'Replies of clients, by whether they counted',
    () => [
      ['counted', counters.replied],
      ['passed_over', counters.repliesPassedOver],
    ],
    'outcome',
  );
  metrics.histogram('fronttcp_mailbox_depth', 'Messages waiting for a user who verified', counters.mailboxDepth, 1);
  metrics.gauge('fronttcp_routes_waiting', 'Commands of clients waiting to be routed', routesWaiting);
  metrics.gauge('fronttcp_route_queue_bytes', "Bytes of clients' commands that wait for Redis", routeBytes);
  metrics.gauge('fronttcp_inbox_open_entries', 'Inbox entries read and not done yet', inboxOpen);
  metrics.gauge('fronttcp_inbox_entries', 'Inbox entries in Redis', () => probe.latest?.inboxEntries ?? 0);
  metrics.gauge(
    'fronttcp_oldest_undelivered_seconds',
    'Age of the oldest inbox entry that is not done',
    () => (probe.latest?.oldestAgeMs ?? 0) / 1_000,
  );
  metrics.gauge(
    'fronttcp_deployment_queue_entries',
    'Entries waiting in the public queue',
    () => probe.latest?.queueWaiting ?? 0,
  );
  metrics.gauge(
    'fronttcp_deployment_dead_letters',
    'Entries in the dead-letter list',
    () => probe.latest?.queueDead ?? 0,
  );
  metrics.gauge('fronttcp_deployment_gateways', 'Live gateways', () => probe.latest?.connections.length ?? 0);
  metrics.sum(
    'fronttcp_deployment_messages_total',
    'What became of messages since the deployment began',
    // Nothing rather than 0 before the first reply: the step from 0 to the present value would look like an increase.
    () => {
      const { latest } = probe;
      return latest ? OUTCOMES.map((outcome) => [outcome, latest.sums.get(outcome) ?? 0] as const) : [];
    },
    'outcome',
  );
  metrics.sum(
    'fronttcp_deployment_repeats_total',
    'Sessions that began, for the fifth time in a row and more, with the same message of their mailbox',
    () => (probe.latest ? (probe.latest.sums.get('repeated') ?? 0) : []),
  );
}

function registerStore(metrics: MetricKinds, { redis, lease, probe }: MetricSources) {
  const { use } = redis;
  metrics.sum('fronttcp_redis_errors_total', 'Errors of the connections to Redis', () => use.errors);
  metrics.sum('fronttcp_redis_reconnects_total', 'Times a lost connection was back', () => use.reconnects);
  metrics.histogram('fronttcp_redis_command_seconds', 'From issued to answered', use.commandMs);
  metrics.histogram('fronttcp_redis_round_trip_seconds', 'A question asked every 3 s', probe.roundTripMs);
  metrics.gauge(
    'fronttcp_redis_unanswered_seconds',
    'How long that question has had no answer',
    () => probe.waitingMs / 1_000,
  );
  metrics.histograms(
    'fronttcp_redis_script_seconds',
    'From issued to answered, by script',
    'script',
    () => use.scripts,
  );
  metrics.sum('fronttcp_lease_losses_total', 'Times the lease was lost', () => lease.lossCount);
  metrics.sum('fronttcp_lease_renewals_missed_total', 'Renewals that failed', () => lease.renewalsMissed);
  metrics.gauge('fronttcp_lease_remaining_seconds', 'How long the lease still holds', () =>
    Math.max(0, lease.remainingMs / 1_000),
  );
  metrics.gauge('fronttcp_lease_age_seconds', 'Since the lease was renewed', () => lease.ageMs / 1_000);
}

function registerProcess(metrics: MetricKinds, { eventLoop }: MetricSources) {
  metrics.sum('fronttcp_event_loop_blocks_total', 'Times the event loop stood still, 200 ms and more', () => {
    return eventLoop.blocks;
  });
  metrics.sum(
    'fronttcp_event_loop_blocked_seconds_total',
    'How long it stood still in all',
    () => eventLoop.blockedMs / 1_000,
  );
  metrics.sum('fronttcp_clock_jumps_total', 'Times the wall clock was set', () => eventLoop.clockJumps);
}
