import type { Sample } from './samples.ts';

const MIB = 1_048_576;
/** The memory that the API grows to in its first minutes: a short run must not take that for a leak. */
const WARM_API_BYTES = 224 * MIB;

interface Finding {
  what: string;
  early: number;
  late: number;
  isFine: boolean;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/**
 * Under load: the median of the last quarter of the time beside that of the second; the first is for warming up.
 * At rest: after everybody has left, beside what it was before anybody came.
 */
export function judge(before: Sample, underLoad: readonly Sample[], after: Sample): Finding[] {
  const quarter = Math.floor(underLoad.length / 4);
  const early = underLoad.slice(quarter, 2 * quarter);
  const late = underLoad.slice(-quarter);
  const grows = (what: string, name: keyof Sample, allowed: (early: number) => number): Finding => {
    const [from, to] = [median(early.map((one) => one[name])), median(late.map((one) => one[name]))];
    return { what, early: from, late: to, isFine: to <= allowed(from) };
  };
  const returns = (what: string, name: keyof Sample, margin: number): Finding => ({
    what,
    early: before[name],
    late: after[name],
    isFine: after[name] <= before[name] + margin,
  });
  return [
    grows('memory of the gateway under load, bytes', 'gatewayMemory', (from) => 1.15 * from + 16 * MIB),
    grows('heap of the gateway under load, bytes', 'gatewayHeap', (from) => 1.3 * from + 16 * MIB),
    grows('memory of the API under load, bytes', 'apiMemory', (from) =>
      Math.max(WARM_API_BYTES, 1.15 * from + 16 * MIB),
    ),
    grows('memory of Redis under load, bytes', 'redisMemory', (from) => 1.5 * from + 32 * MIB),
    grows('Redis keys without a time to live under load', 'redisKeys', (from) => 1.1 * from + 10),
    grows('timers of the gateway under load', 'gatewayTimers', (from) => from + 5),
    returns('connections of the gateway at rest', 'gatewayConnections', 0),
    returns('files of the gateway at rest', 'gatewayFiles', 3),
    returns('timers of the gateway at rest', 'gatewayTimers', 3),
    returns('files of the API at rest', 'apiFiles', 8),
  ];
}
