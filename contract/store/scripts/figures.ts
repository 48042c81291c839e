import { QUICK_MS } from '../../../shared/histogram.ts';
import { pairsOf } from '../../../shared/redis/flat.ts';
import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { rowsOf } from '../redis-reply.ts';
import { defineScript, readLua } from './library.ts';

/** Upper bounds of the buckets of delivery times, ms, included; one more bucket follows the last. */
export const DELIVERY_BOUNDS_MS = QUICK_MS;

/** One day is shown. Records live an hour longer, so that none expires while it is being read. */
const KEPT_SECONDS = 90_000;
/** Minutes in one call: a record has at most 19 fields. */
const READ_AT_ONCE = 240;

interface MinuteFigures {
  /** Verified connections at its end; undefined: the gateway stops, and its clients are counted elsewhere. */
  readonly clients: number | undefined;
  /** Messages written to connections. */
  readonly delivered: number;
  /** Of these, per bucket of DELIVERY_BOUNDS_MS, those with a known way: from accepted to written. */
  readonly took: readonly number[];
}

const addScript = defineScript('figures_add', readLua(new URL('./figures-add.lua', import.meta.url)));

/** Adds what one gateway has to say of a minute (Unix minutes). */
export async function addFigures(redis: RedisPort, keys: Keys, minute: number, figures: MinuteFigures): Promise<void> {
  const { clients, delivered, took } = figures;
  const args: RedisArgument[] = [keys.prefix, minute, KEPT_SECONDS, clients ?? '', delivered];
  for (const [bucket, count] of took.entries()) if (count > 0) args.push(bucket, count);
  await redis.script(addScript, [keys.users], args);
}

export interface FleetMinute extends MinuteFigures {
  readonly clients: number;
  readonly gateways: number;
}

const readScript = defineScript('figures_read', readLua(new URL('./figures-read.lua', import.meta.url)));

/** The minutes from `first` on, in order; undefined where nothing is known. */
export async function readFigures(
  redis: RedisPort,
  keys: Keys,
  first: number,
  count: number,
): Promise<(FleetMinute | undefined)[]> {
  const minutes: (FleetMinute | undefined)[] = [];
  for (let done = 0; done < count; done += READ_AT_ONCE) {
    const args = [keys.prefix, first + done, Math.min(READ_AT_ONCE, count - done)];
    const rows = rowsOf(await redis.script(readScript, [keys.users], args));
    minutes.push(...rows.map(minuteOf));
  }
  return minutes;
}

function minuteOf(flat: readonly string[]): FleetMinute | undefined {
  if (flat.length === 0) return undefined;
  const fields = new Map(pairsOf(flat));
  const countOf = (name: string) => Number(fields.get(name) ?? 0);
  return {
    clients: countOf('clients'),
    gateways: countOf('gateways'),
    delivered: countOf('delivered'),
    took: Array.from({ length: DELIVERY_BOUNDS_MS.length + 1 }, (_, bucket) => countOf(`took:${bucket}`)),
  };
}
