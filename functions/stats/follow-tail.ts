import type { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { beginTail, readTail, type TailPosition } from '../../contract/store/scripts/tail.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import type { TailQuery, tailAnswer } from './schema.ts';

const MAX_LINES = 300;

/** The events since the response with this cursor; without one: from now on. Of too many, the newest. */
export async function followTail(
  redis: RedisPort,
  keys: Keys,
  { user, cursor }: TailQuery,
): Promise<z.infer<typeof tailAnswer>> {
  if (cursor === undefined) return { lines: [], skipped: 0, cursor: cursorOf(await beginTail(redis, keys, user)) };
  const [tail = '', events = ''] = cursor.split('_');
  const { lines, next, skipped } = await readTail(redis, keys, user, { tail, events }, MAX_LINES);
  return { lines, skipped, cursor: cursorOf(next) };
}

function cursorOf({ tail, events }: TailPosition): string {
  return `${tail}_${events}`;
}
