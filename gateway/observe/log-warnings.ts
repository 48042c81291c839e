import type { Counters } from './counters.ts';
import type { EventLoop } from './event-loop.ts';
import { type GatewayLog, reportSuppressed } from './log.ts';
import type { SessionTotals } from './session-totals.ts';
import type { StoreProbe } from './store-probe.ts';

const TICK_MS = 1_000;
/** The first event of a kind is logged at once, the next ones together after this time. */
const QUIET_MS = 10_000;
/** A store in the same network replies in one or two milliseconds. */
const SLOW_STORE_MS = 100;

interface Row {
  readonly event: string;
  readonly message: string;
  /** A sum that only grows. */
  readonly read: () => number;
  readonly logFields?: () => Readonly<Record<string, string | number>>;
}

interface WatchSources {
  readonly counters: Counters;
  readonly probe: StoreProbe;
  readonly eventLoop: EventLoop;
  readonly sums: SessionTotals;
  readonly log: GatewayLog;
}

/**
 * Logs what the counters show to be wrong: however many clients are concerned, one line per kind and ten seconds, with
 * their number.
 */
export class LogWarnings {
  readonly #sources: WatchSources;
  readonly #rows: readonly Row[];
  readonly #reported = new Map<string, { value: number; atMs: number }>();
  #slowReportedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(sources: WatchSources) {
    const { counters, probe, eventLoop, sums } = sources;
    this.#sources = sources;
    this.#rows = [
      { event: 'verifies_refused', message: 'tokens were refused', read: () => counters.refusedVerifies },
      {
        event: 'frames_refused',
        message: 'frames that break the protocol were refused',
        read: () => counters.badFrames,
      },
      {
        event: 'slow_readers',
        message: 'sessions were closed: their clients did not read',
        read: () => counters.slowReaders,
      },
      {
        event: 'messages_lost',
        message: 'mailboxes had to give messages up: they were full, or too old',
        read: () => probe.latest?.sums.get('lost') ?? 0,
      },
      {
        event: 'messages_repeated',
        message: 'the same messages were sent in session after session: their clients do not take them',
        read: () => probe.latest?.sums.get('repeated') ?? 0,
      },
      {
        event: 'event_loop_blocked',
        message: 'the event loop stood still: everyone waited',
        read: () => eventLoop.blocks,
        logFields: () => ({ blocked_ms: Math.round(eventLoop.blockedMs) }),
      },
      {
        event: 'clock_jumped',
        message: 'the clock of this machine was set',
        read: () => eventLoop.clockJumps,
        logFields: () => ({ jump_ms: Math.round(eventLoop.lastJumpMs) }),
      },
      {
        event: 'readers_stalled',
        message: 'clients do not read what is sent to them',
        read: rising(() => sums.now.stalled),
      },
    ];
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(performance.now()), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(nowMs: number): void {
    const { log, counters } = this.#sources;
    for (const row of this.#rows) this.#report(row.event, row.message, row.read(), nowMs, row.logFields);
    for (const [reason, value] of counters.refusedConnections) {
      this.#report('connections_refused', 'connections were turned away', value, nowMs, () => ({ reason }), reason);
    }
    this.#reportSlowStore(nowMs);
    counters.acknowledgements.forgetOld(Date.now());
    counters.replyTimes.forgetOld(Date.now());
    reportSuppressed(log);
  }

  #report(event: string, message: string, value: number, nowMs: number, logFields?: Row['logFields'], key = ''): void {
    const name = `${event} ${key}`;
    const reported = this.#reported.get(name) ?? { value: firstValue(event, value), atMs: Number.NEGATIVE_INFINITY };
    this.#reported.set(name, reported);
    const count = value - reported.value;
    if (count <= 0 || nowMs - reported.atMs < QUIET_MS) return;
    reported.value = value;
    reported.atMs = nowMs;
    this.#sources.log.warn({ event, count, ...logFields?.() }, message);
  }

  #reportSlowStore(nowMs: number): void {
    const ms = Math.max(this.#sources.probe.lastRoundTripMs, this.#sources.probe.waitingMs);
    if (ms < SLOW_STORE_MS || nowMs - this.#slowReportedAtMs < QUIET_MS) return;
    this.#slowReportedAtMs = nowMs;
    const line = { event: 'redis_slow', round_trip_ms: Math.round(ms) };
    this.#sources.log.warn(line, 'Redis replies slowly');
  }
}

/** What the deployment counted before this gateway started is not reported. */
function firstValue(event: string, value: number): number {
  return event === 'messages_lost' || event === 'messages_repeated' ? value : 0;
}

/** The sum of all rises of a number that also falls. */
function rising(read: () => number): () => number {
  let last = 0;
  let sum = 0;
  return () => {
    const now = read();
    sum += Math.max(0, now - last);
    last = now;
    return sum;
  };
}
