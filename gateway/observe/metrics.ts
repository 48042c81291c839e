import { Counter, collectDefaultMetrics, Gauge, Registry as MetricsRegistry } from 'prom-client';
import type { GatewayContext } from '../context.ts';
import type { Counters } from './counters.ts';

type NumberField = {
  [Name in keyof Counters]: Counters[Name] extends number ? Name : never;
}[keyof Counters];

/** Sums, and where they are read when somebody asks: the hot paths only add to plain numbers. */
const SUMS: readonly [name: string, help: string, field: NumberField][] = [
  ['fronttcp_accepts_total', 'TCP connections accepted', 'accepts'],
  ['fronttcp_frames_received_total', 'Frames received', 'framesIn'],
  ['fronttcp_frames_sent_total', 'Frames handed to the kernel', 'framesOut'],
  ['fronttcp_bytes_received_total', 'Bytes received', 'bytesIn'],
  ['fronttcp_verified_total', 'Verifies that succeeded', 'verified'],
  ['fronttcp_verify_refused_total', 'Verifies that were refused', 'refusedVerifies'],
  ['fronttcp_verify_delayed_total', 'Verifies that had to wait because others had failed', 'delayedVerifies'],
  ['fronttcp_bad_frames_total', 'Frames that were refused', 'badFrames'],
  ['fronttcp_throttled_total', 'Times a session was not read because it was over its rate', 'throttled'],
  ['fronttcp_acknowledged_total', 'Messages acknowledged', 'acknowledged'],
  [
    'fronttcp_stashed_total',
    'Messages that went to a mailbox because their session had moved on or was behind',
    'stashed',
  ],
  ['fronttcp_routed_total', 'Commands of clients that were routed through Redis', 'routed'],
  ['fronttcp_queue_entries_total', 'Entries taken from the public queue', 'queueTaken'],
  ['fronttcp_dead_letters_total', 'Queue entries that went to the dead-letter list', 'deadLetters'],
  ['fronttcp_slow_readers_total', 'Sessions closed because they read too slowly', 'slowReaders'],
  ['fronttcp_burials_total', 'Dead gateways that this one buried', 'burials'],
];

/** What one gateway reports about itself, as Prometheus text. */
export function createMetrics(
  context: GatewayContext,
  gauges: { connections: () => number; inboxOpen: () => number },
): MetricsRegistry {
  const registry = new MetricsRegistry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const { counters, lease, redis } = context;

  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('fronttcp_connections', 'Open TCP connections', gauges.connections);
  gauge('fronttcp_sessions', 'Verified sessions', () => context.registry.size);
  gauge('fronttcp_inbox_open_entries', 'Inbox entries read and not done yet', gauges.inboxOpen);
  gauge('fronttcp_stalled_bytes', 'Bytes for readers that have stopped reading', () => context.stalled.bytes);
  gauge('fronttcp_verifies_waiting', 'Verifies waiting for Redis', () => context.verifier.waiting);
  gauge('fronttcp_lease_remaining_seconds', 'How long the lease still holds', () =>
    Math.max(0, lease.remainingMs / 1_000),
  );

  for (const [name, help, field] of SUMS) sum(name, help, () => counters[field]);
  sum('fronttcp_lease_losses_total', 'Times the lease was lost', () => lease.lossCount);
  sum('fronttcp_redis_errors_total', 'Errors of the connections to Redis', () => redis.errors);

  new Counter({
    name: 'fronttcp_delivered_total',
    help: 'Messages handed to the kernel, by the way they came',
    labelNames: ['way'],
    registers,
    collect() {
      this.reset();
      this.inc({ way: 'direct' }, counters.deliveredDirect);
      this.inc({ way: 'inbox' }, counters.deliveredInbox);
      this.inc({ way: 'mailbox' }, counters.deliveredMailbox);
      this.inc({ way: 'broadcast' }, counters.deliveredBroadcast);
    },
  });
  byReason('fronttcp_closes_total', 'Connections closed, by reason', counters.closes);
  byReason('fronttcp_connections_refused_total', 'Connections turned away, by reason', counters.refusedConnections);
  return registry;

  function sum(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  function byReason(name: string, help: string, counts: ReadonlyMap<string, number>): void {
    new Counter({
      name,
      help,
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset();
        for (const [reason, value] of counts) this.inc({ reason }, value);
      },
    });
  }
}
