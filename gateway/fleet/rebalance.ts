import type { Log } from '../../shared/log.ts';
import { CloseReasons } from '../session/close-reasons.ts';
import type { Session } from '../session/session.ts';

const TICK_MS = 1_000;
/** The share of the excess that is sent away per second: a new gateway gets its share within a minute or two, and is not flooded. */
const SHARE_PER_TICK = 0.02;
const MIN_PER_TICK = 1;
/** A few connections over the mean are not worth a reconnect. */
const TOLERATED = 10;

interface RebalanceParts {
  /** Limit as a multiple of the mean of all gateways. */
  above: number;
  /** The number of this gateway's connections. */
  connections: () => number;
  /** The same of every live gateway, this one among them, as last reported; undefined: not known yet. */
  fleet: () => readonly number[] | undefined;
  sessions: () => Iterable<Session>;
  log: Pick<Log, 'info'>;
}

/**
 * A load balancer places only new connections: after a scale-out the old gateways stay full. A gateway that holds far more
 * connections than the mean asks some clients to reconnect, paced. Only clients that understand a goodbye: a plain client
 * would just lose its connection.
 */
export class Rebalance {
  readonly #parts: RebalanceParts;
  #timer: NodeJS.Timeout | undefined;
  #isShedding = false;

  constructor(parts: RebalanceParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const { above, connections, fleet, sessions, log } = this.#parts;
    const counts = fleet();
    if (counts === undefined || counts.length < 2) return;
    const held = connections();
    // The others' numbers are seconds old: clients that left here may be there already, and are not counted twice.
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    const excess = Math.floor(held - Math.max(mean * above, mean + TOLERATED));
    if (excess <= 0) {
      this.#isShedding = false;
      return;
    }
    if (!this.#isShedding) {
      this.#isShedding = true;
      const line = { event: 'shedding', connections: held, mean: Math.round(mean) };
      log.info(line, 'asks clients to reconnect: other gateways have room');
    }
    shed(sessions(), Math.max(MIN_PER_TICK, Math.ceil(excess * SHARE_PER_TICK)));
  }
}

function shed(sessions: Iterable<Session>, max: number): void {
  let left = max;
  for (const session of sessions) {
    if (left === 0) return;
    if (session.state !== 'live' || !session.has('goodbye')) continue;
    session.close(CloseReasons.rebalanced);
    left -= 1;
  }
}
