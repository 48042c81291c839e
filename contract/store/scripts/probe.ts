import { pairsOf } from '../../../shared/redis/flat.ts';
import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { tupleOf } from '../redis-reply.ts';
import { defineScript, readLua } from './library.ts';

const probeScript = defineScript('probe', readLua(new URL('./probe.lua', import.meta.url)));

export interface Probe {
  /** Redis's clock, ms. */
  nowMs: number;
  queueWaiting: number;
  queueDead: number;
  inboxEntries: number;
  /** Age of the oldest unfinished entry of the inbox; 0: none. */
  oldestAgeMs: number;
  /** Open connections of each live gateway, as reported when it renewed its lease. */
  connections: number[];
  /** `routed`, `stored`, `lost`, … of the whole deployment. */
  sums: ReadonlyMap<string, number>;
  /** Users that are followed; an empty id stands for everyone. */
  followed: string[];
}

/** The state of the deployment, seen from one gateway. */
export async function probeStore(redis: RedisPort, keys: Keys, gatewayId: string): Promise<Probe> {
  const reply = await redis.script(probeScript, [keys.users], [keys.prefix, gatewayId]);
  const [now, queueWaiting, queueDead, inboxEntries, oldest, connections, flat, followed] = tupleOf(
    reply,
    ...(['text', 'number', 'number', 'number', 'text', 'texts', 'texts', 'texts'] as const),
  );
  const nowMs = Number(now);
  return {
    nowMs,
    queueWaiting,
    queueDead,
    inboxEntries,
    oldestAgeMs: oldest === '' ? 0 : Math.max(0, nowMs - Number(oldest.split('-')[0])),
    connections: connections.map(Number),
    sums: new Map(pairsOf(flat).map(([name, sum]) => [name, Number(sum)])),
    followed,
  };
}
