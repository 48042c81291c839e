import type { Log } from '../observe/log.ts';
import { CloseReasons } from '../session/close-reasons.ts';
import type { Session } from '../session/session.ts';

const TICK_MS = 1_000;
/** Of what is too much, as much goes in a second: a new gateway has its share within a minute or two, and nobody floods it. */
const SHARE_PER_TICK = 0.02;
const MIN_PER_TICK = 1;
/** A handful too many is not worth a reconnect. */
const TOLERATED = 10;

export interface SheddingParts {
  /** More than so many times the mean is too much. */
  above: number;
  /** Of this gateway, now. */
  connections: () => number;
  /** Of every live gateway, this one among them, as they last said; undefined: not known yet. */
  fleet: () => readonly number[] | undefined;
  sessions: () => Iterable<Session>;
  log: Log;
}

/**
 * A load balancer places new connections only: after a scale-out the old gateways stay full. One that holds far more than
 * the mean asks some clients to come again, paced. Only those that understand a goodbye: for a plain client it would be
 * a loss of its connection.
 */
export class Shedding {
  readonly #parts: SheddingParts;
  #timer: NodeJS.Timeout | undefined;
  #isShedding = false;

  constructor(parts: SheddingParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const { above, connections, fleet, sessions, log } = this.#parts;
    const counts = fleet();
    if (counts === undefined || counts.length < 2) return;
    const held = connections();
    // The others' numbers are seconds old: those who left here may be there already, and are not counted twice.
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    const excess = Math.floor(held - Math.max(mean * above, mean + TOLERATED));
    if (excess <= 0) {
      this.#isShedding = false;
      return;
    }
    if (!this.#isShedding) {
      this.#isShedding = true;
      const line = { event: 'shedding', connections: held, mean: Math.round(mean) };
      log.info(line, 'asks clients to come again: others have room');
    }
    shed(sessions(), Math.max(MIN_PER_TICK, Math.ceil(excess * SHARE_PER_TICK)));
  }
}

function shed(sessions: Iterable<Session>, most: number): void {
  let left = most;
  for (const session of sessions) {
    if (left === 0) return;
    if (session.state !== 'live' || !session.has('goodbye')) continue;
    session.close(CloseReasons.rebalanced);
    left -= 1;
  }
}
