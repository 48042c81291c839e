import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { defineScript } from './library.ts';

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] gateway
 * Returns {now ms, queue, dead letters, inbox entries, id of the oldest or '', connections of the live gateways (list),
 *     sums since the deployment began (flat), users whom somebody follows ('': everyone)}
 * Atomic because: what is compared is of one moment. The work grows with the gateways, not with the clients.
 */
const probeScript = defineScript(
  'probe',
  `
local inbox = P .. 'inbox:' .. ARGV[2]
local oldest = redis.call('XRANGE', inbox, '-', '+', 'COUNT', 1)[1]
local connections = {}
for _, gateway in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(now), '+inf')) do
  connections[#connections + 1] = redis.call('HGET', P .. 'gateway:' .. gateway, 'connections') or '0'
end
local waiting = redis.call('LLEN', P .. 'front_tcp') + redis.call('LLEN', P .. 'front_tcp:taken')
return { int(now), waiting, redis.call('LLEN', P .. 'front_tcp:dead'), redis.call('XLEN', inbox), oldest and oldest[1] or '',
  connections, redis.call('HGETALL', P .. 'stats'),
  redis.call('ZRANGEBYSCORE', P .. 'tailing', '(' .. int(now), '+inf', 'LIMIT', 0, 100) }
`,
);

export interface Probe {
  /** Redis's clock, ms. */
  nowMs: number;
  queueWaiting: number;
  queueDead: number;
  inboxEntries: number;
  /** Age of the oldest entry of the inbox that is not done; 0: there is none. */
  oldestAgeMs: number;
  /** Open connections of each live gateway, as it said when it renewed its lease. */
  connections: number[];
  /** `routed`, `stored`, `lost`, … of the whole deployment. */
  sums: ReadonlyMap<string, number>;
  /** Users whom somebody follows live; an empty one is for everyone. */
  followed: string[];
}

/** How the deployment stands, seen from one gateway. */
export async function probeStore(redis: RedisPort, keys: Keys, gatewayId: string): Promise<Probe> {
  const reply = await redis.script(probeScript, [keys.users], [keys.prefix, gatewayId]);
  const [now, queueWaiting, queueDead, inboxEntries, oldest, connections, flat, followed] = reply as [
    string,
    number,
    number,
    number,
    string,
    string[],
    string[],
    string[],
  ];
  const nowMs = Number(now);
  const sums = new Map<string, number>();
  for (let at = 0; at + 1 < flat.length; at += 2) sums.set(String(flat[at]), Number(flat[at + 1]));
  return {
    nowMs,
    queueWaiting,
    queueDead,
    inboxEntries,
    oldestAgeMs: oldest === '' ? 0 : Math.max(0, nowMs - Number(oldest.split('-')[0])),
    connections: connections.map(Number),
    sums,
    followed,
  };
}
