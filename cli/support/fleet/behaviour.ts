/**
 * The kinds of clients in a fleet, and their behaviour. Times are means of an exponential distribution, as for
 * independent events.
 */
export type Persona = 'quiet' | 'chatty' | 'plain' | 'flaky' | 'slow';

/** Shares of a fleet; their sum is 1. */
export const SHARES: readonly (readonly [Persona, number])[] = [
  /** Only listens, as most devices do. */
  ['quiet', 0.55],
  /** Writes to other clients. */
  ['chatty', 0.25],
  /** Speaks the bare protocol: no acknowledgements, no receipts. */
  ['plain', 0.05],
  /** Disconnects and reconnects, like a phone in a train. */
  ['flaky', 0.1],
  /** Processes every message slowly. */
  ['slow', 0.05],
];

export const FLAKY_STAY_MS = 60_000;
export const FLAKY_AWAY_MS = 5_000;
export const SLOW_WORK_MS = 1_000;
/** Varies the heartbeat, so that clients do not stay in step. */
const HEARTBEAT_MS = { min: 20_000, max: 40_000 };
/** The share of chatty clients' messages that go to several recipients. */
export const GROUP_SHARE = 0.1;
export const GROUP_SIZE = 5;

/** The same position in the fleet always has the same kind; a few clients already match the shares. */
export function personaOf(at: number): Persona {
  // The golden ratio spreads any number of positions evenly.
  let rest = (at * 0.618_033_988_75) % 1;
  for (const [persona, share] of SHARES) {
    rest -= share;
    if (rest < 0) return persona;
  }
  return 'quiet';
}

export function around(meanMs: number, random: () => number = Math.random): number {
  return -Math.log(1 - random()) * meanMs;
}

export function heartbeatMs(random: () => number = Math.random): number {
  return Math.round(HEARTBEAT_MS.min + random() * (HEARTBEAT_MS.max - HEARTBEAT_MS.min));
}
