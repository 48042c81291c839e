/** The counters of a part of a fleet since its last report. */
export interface Tally {
  /** Now. */
  connected: number;
  /** Connecting, for the first time or again. */
  connecting: number;
  /** Since the last report. */
  verified: number;
  reconnected: number;
  sent: number;
  failed: number;
  received: number;
  /** Messages that had waited in a mailbox. */
  stored: number;
  acknowledged: number;
  lost: number;
  refused: number;
  latencies: Latencies;
}

/** Milliseconds in classes with a width of 5 %, by index: merged by adding, exact to 5 %. */
export type Latencies = Record<number, number>;

const WIDTH = Math.log(1.05);
const SMALLEST_MS = 0.01;

export function addLatency(latencies: Latencies, ms: number): void {
  const at = Math.round(Math.log(Math.max(SMALLEST_MS, ms) / SMALLEST_MS) / WIDTH);
  latencies[at] = (latencies[at] ?? 0) + 1;
}

/** `share` from 0 to 1. Undefined when there is none. */
export function percentile(latencies: Latencies, share: number): number | undefined {
  const classes = Object.entries(latencies).map(([at, count]) => [Number(at), count] as const);
  const total = classes.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [at, count] of classes.sort(([a], [b]) => a - b)) {
    below += count;
    if (below >= share * total) return SMALLEST_MS * Math.exp(at * WIDTH);
  }
  return undefined;
}

export function emptyTally(): Tally {
  const now = { connected: 0, connecting: 0 };
  const since = { verified: 0, reconnected: 0, sent: 0, failed: 0, received: 0, stored: 0, acknowledged: 0 };
  return { ...now, ...since, lost: 0, refused: 0, latencies: {} };
}

/** Adds up several parts at one moment, or one part over time: then the caller sets `connected` and `connecting`. */
export function addTally(sum: Tally, part: Tally): Tally {
  const { latencies, ...counts } = part;
  for (const [name, value] of Object.entries(counts)) sum[name as keyof typeof counts] += value;
  for (const [at, count] of Object.entries(latencies)) {
    sum.latencies[Number(at)] = (sum.latencies[Number(at)] ?? 0) + count;
  }
  return sum;
}
