/**
 * What kinds of clients a fleet is made of, and how they live. Times are means of an exponential distribution, as of
 * things that happen by themselves.
 */
export type Persona = 'quiet' | 'chatty' | 'plain' | 'flaky' | 'slow';

/** Shares of a fleet; their sum is 1. */
export const SHARES: readonly (readonly [Persona, number])[] = [
  /** Listens, as most devices do. */
  ['quiet', 0.55],
  /** Writes to others. */
  ['chatty', 0.25],
  /** Speaks the bare protocol: no acknowledgements, no receipts. */
  ['plain', 0.05],
  /** Leaves and comes back, such as a phone in a train. */
  ['flaky', 0.1],
  /** Takes its time with every message. */
  ['slow', 0.05],
];

export const FLAKY_STAY_MS = 60_000;
export const FLAKY_AWAY_MS = 5_000;
export const SLOW_WORK_MS = 1_000;
/** No two clients beat at the same time for long. */
export const HEARTBEAT_MS = { min: 20_000, max: 40_000 };
/** Of what chatty clients write: to several at once. */
export const GROUP_SHARE = 0.1;
export const GROUP_SIZE = 5;

/** The same for the same place in the fleet: shares are met from a few clients on. */
export function personaOf(at: number): Persona {
  // The golden ratio spreads any number of places evenly.
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
