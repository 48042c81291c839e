import { z } from 'zod';
import { pairsOf } from '../../../shared/redis/flat.ts';
import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { tupleOf } from '../redis-reply.ts';
import { defineScript, readLua } from './library.ts';

/** A gateway's line about one message or refusal, for followers: ids and codes, no contents. */
const tailLine = z.object({
  at: z.number(),
  type: z.enum(['delivered', 'refused', 'verify_refused', 'skipped']),
  gateway: z.string(),
  user: z.string().optional(),
  message: z.string().optional(),
  command: z.number().optional(),
  way: z.string().optional(),
  reason: z.string().optional(),
  /** For `skipped`: the number of lines over the limit. */
  count: z.number().optional(),
});
export type TailLine = z.infer<typeof tailLine>;

/** A subscription expires after this time unless renewed. */
const WANTED_MS = 10_000;
/** Lines that are kept for readers that poll. */
const TAIL_MAX = 5_000;
const TAIL_SECONDS = 60;
/** Means a follower of everyone: no user id is empty. */
export const EVERYONE = '';

const followScript = defineScript('follow', readLua(new URL('./follow.lua', import.meta.url)));

export interface LifecycleLine {
  at: number;
  type: string;
  gateway: string;
  user: string;
  epoch: number;
  reason: string;
}

export interface TailPosition {
  tail: string;
  events: string;
}

/** {entries of tail, entries of events, end of tail, end of events, lines left out} */
const FOLLOWED = ['entries', 'entries', 'text', 'text', 'number'] as const;

/** The current end of the streams: new lines come after it. The gateways begin to write lines with their next probe. */
export async function beginTail(redis: RedisPort, keys: Keys, user: string): Promise<TailPosition> {
  const reply = await redis.script(followScript, [keys.users], [keys.prefix, user, WANTED_MS, '', '', '', '']);
  const [, , tail, events] = tupleOf(reply, ...FOLLOWED);
  return { tail, events };
}

interface TailPage {
  readonly lines: (TailLine | LifecycleLine)[];
  readonly next: TailPosition;
  /** Older lines that were left out. */
  readonly skipped: number;
}

/**
 * Returns the lines after the position, in the order of time, and the next position. Call it about every second. With `maxLines`,
 * a slow follower gets the newest and misses the older ones, instead of falling further behind.
 */
export async function readTail(
  redis: RedisPort,
  keys: Keys,
  user: string,
  from: TailPosition,
  maxLines?: number,
): Promise<TailPage> {
  const args = [keys.prefix, user, WANTED_MS, from.tail, from.events, maxLines ?? '', JSON.stringify(user)];
  const reply = await redis.script(followScript, [keys.users], args);
  const [tailed, events, tailEnd, eventsEnd, left] = tupleOf(reply, ...FOLLOWED);
  const isWanted = (line: { user?: string | undefined; type: string }) =>
    user === EVERYONE || line.user === user || line.type === 'skipped';
  const lines = [
    ...tailed.flatMap(([, [, text]]) => z.array(tailLine).parse(JSON.parse(text ?? '[]'))),
    ...events.map(([, fields]) => lifecycleOf(fields)),
  ].filter(isWanted);
  lines.sort((a, b) => a.at - b.at);
  const over = maxLines === undefined ? 0 : Math.max(0, lines.length - maxLines);
  return { lines: lines.slice(over), next: { tail: tailEnd, events: eventsEnd }, skipped: left + over };
}

function lifecycleOf(flat: readonly string[]): LifecycleLine {
  const fields = new Map(pairsOf(flat));
  const get = (name: string) => fields.get(name) ?? '';
  return {
    at: Number(get('at')),
    type: get('type'),
    gateway: get('gateway'),
    user: get('user'),
    epoch: Number(get('epoch')),
    reason: get('reason'),
  };
}

/** Writes a line about an event; it is kept for a minute. */
export async function writeTail(redis: RedisPort, keys: Keys, lines: readonly TailLine[]): Promise<void> {
  await redis.command('XADD', keys.tail, 'MAXLEN', '~', TAIL_MAX, '*', 'lines', JSON.stringify(lines));
  await redis.command('EXPIRE', keys.tail, TAIL_SECONDS);
}
