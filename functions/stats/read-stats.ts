import type { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { tupleOf } from '../../contract/store/redis-reply.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import { pairsOf } from '../../shared/redis/flat.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import type { statsAnswer } from './schema.ts';

type Stats = z.infer<typeof statsAnswer>;

const statsScript = defineScript('stats', readLua(new URL('./stats.lua', import.meta.url)));

export async function readStats(redis: RedisPort, keys: Keys): Promise<Stats> {
  const reply = await redis.script(statsScript, [keys.users], [keys.prefix]);
  const [now, users, waiting, dead, sums, rows] = tupleOf(
    reply,
    ...(['text', 'number', 'number', 'number', 'texts', 'list'] as const),
  );
  const gateways = rows.map((row) => {
    const [id, expiresAt, sessions, inbox, facts] = tupleOf(row, 'text', 'text', 'number', 'number', 'texts');
    return {
      id,
      live: Number(expiresAt) > Number(now),
      sessions,
      lease_expires_at: Number(expiresAt),
      inbox,
      facts: Object.fromEntries(pairsOf(facts)),
    };
  });
  const connected = gateways.reduce((sum, { live, sessions }) => sum + (live ? sessions : 0), 0);
  const deliveries = Object.fromEntries(pairsOf(sums).map(([name, value]) => [name, Number(value)]));
  return { connected, users, gateways, queue: { waiting, dead }, deliveries };
}
