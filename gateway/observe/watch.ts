import type { GatewayContext } from '../context.ts';
import type { EventLoop } from './event-loop.ts';
import { tellSuppressed } from './log.ts';
import type { SessionSums } from './session-totals.ts';
import type { StoreProbe } from './store-probe.ts';

const TICK_MS = 1_000;
/** The first of a kind is told at once, what follows with its sum after this time. */
const QUIET_MS = 10_000;
/** A store in the same network answers in one or two milliseconds. */
const SLOW_STORE_MS = 100;

interface Row {
  readonly event: string;
  readonly message: string;
  /** A sum that only grows. */
  readonly read: () => number;
  readonly facts?: () => Readonly<Record<string, string | number>>;
}

/**
 * Tells the log once a second what the counters say went wrong: however many clients do it, it is one line per kind and ten
 * seconds, with their number.
 */
export class Watch {
  readonly #context: GatewayContext;
  readonly #probe: StoreProbe;
  readonly #rows: readonly Row[];
  readonly #told = new Map<string, { value: number; atMs: number }>();
  #slowToldAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: GatewayContext, parts: { probe: StoreProbe; eventLoop: EventLoop; sums: SessionSums }) {
    const { probe, eventLoop, sums } = parts;
    this.#context = context;
    this.#probe = probe;
    const { counters } = context;
    this.#rows = [
      { event: 'verifies_refused', message: 'tokens were refused', read: () => counters.refusedVerifies },
      { event: 'frames_refused', message: 'clients sent what is not allowed', read: () => counters.badFrames },
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
        event: 'event_loop_blocked',
        message: 'the event loop stood still: everyone waited',
        read: () => eventLoop.blocks,
        facts: () => ({ blocked_ms: Math.round(eventLoop.blockedMs) }),
      },
      {
        event: 'clock_jumped',
        message: 'the clock of this machine was set',
        read: () => eventLoop.clockJumps,
        facts: () => ({ jump_ms: Math.round(eventLoop.lastJumpMs) }),
      },
      {
        event: 'readers_stalled',
        message: 'clients do not read what is sent to them',
        read: rising(() => sums.now.stalled),
      },
    ];
  }

  start(): void {
    this.#timer = setInterval(() => this.look(performance.now()), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(nowMs: number): void {
    const { log, counters } = this.#context;
    for (const row of this.#rows) this.#tell(row.event, row.message, row.read(), nowMs, row.facts);
    for (const [reason, value] of counters.refusedConnections) {
      this.#tell('connections_refused', 'connections were turned away', value, nowMs, () => ({ reason }), reason);
    }
    this.#tellSlowStore(nowMs);
    counters.acknowledgements.forgetOld(Date.now());
    tellSuppressed(log);
  }

  #tell(event: string, message: string, value: number, nowMs: number, facts?: Row['facts'], key = ''): void {
    const name = `${event} ${key}`;
    const told = this.#told.get(name) ?? { value: firstValue(event, value), atMs: Number.NEGATIVE_INFINITY };
    this.#told.set(name, told);
    const count = value - told.value;
    if (count <= 0 || nowMs - told.atMs < QUIET_MS) return;
    told.value = value;
    told.atMs = nowMs;
    this.#context.log.warn({ event, count, ...facts?.() }, message);
  }

  #tellSlowStore(nowMs: number): void {
    const ms = Math.max(this.#probe.lastRoundTripMs, this.#probe.waitingMs);
    if (ms < SLOW_STORE_MS || nowMs - this.#slowToldAtMs < QUIET_MS) return;
    this.#slowToldAtMs = nowMs;
    const line = { event: 'redis_slow', round_trip_ms: Math.round(ms) };
    this.#context.log.warn(line, 'Redis takes long to answer');
  }
}

/** What the deployment had lost before this gateway came is no news. */
function firstValue(event: string, value: number): number {
  return event === 'messages_lost' ? value : 0;
}

/** A sum of the rises of something that also falls. */
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
