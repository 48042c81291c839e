import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { defineScript } from './library.ts';

/** Milliseconds of Redis's clock. */
export const DEFAULT_LEASE_MS = 10_000;

/** Renewal must come well before the end, so that one that fails is followed by another: lease > 3 × renewal. */
export function renewalOf(leaseMs: number): number {
  return Math.floor(leaseMs * 0.3);
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] gateway · [3] lease ms · [4] 1: join (a new id), 0: renew · then field, value pairs for gateway:<id>
 * Returns 'lost' (a lease that has run out is not taken up again: ids are never reused), or the ids of dead gateways
 * Atomic because: nobody may bury this gateway between the look and the renewal.
 */
const leaseScript = defineScript(
  'lease',
  `
local gateway = ARGV[2]
if ARGV[4] == '0' and not live(gateway) then return 'lost' end
redis.call('ZADD', P .. 'gateways', int(now + tonumber(ARGV[3])), gateway)
local fields = {}
for at = 5, #ARGV do fields[#fields + 1] = ARGV[at] end
redis.call('HSET', P .. 'gateway:' .. gateway, 'renewed_at', int(now), unpack(fields))
return redis.call('ZRANGEBYSCORE', P .. 'gateways', '-inf', int(now))
`,
);

/** Takes (`join`) or renews a lease, and says who else's has run out. `lost`: stop delivering, join again under a new id. */
export async function holdLease(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  how: 'join' | 'renew',
  leaseMs: number,
  facts: Readonly<Record<string, string | number>>,
): Promise<{ dead: string[] } | 'lost'> {
  const args: RedisArgument[] = [
    keys.prefix,
    gatewayId,
    leaseMs,
    how === 'join' ? 1 : 0,
    ...Object.entries(facts).flat(),
  ];
  const reply = await redis.script(leaseScript, [keys.users], args);
  return reply === 'lost' ? 'lost' : { dead: reply as string[] };
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] gateway · [3] OFFLINE_TTL_S · [4] mailbox bound · [5] most entries and sessions in this step
 *     [6] 1: it leaves of its own accord and gives its lease up, 0: only when its lease has run out
 * Returns {'live'} | {'more' | 'done', messages re-routed, sessions lost}
 * Atomic because: any gateway may bury, several at a time, and may itself die between two steps: each step leaves a
 * state from which the next goes on. Order: the inbox (oldest first), then the sessions, then the lease.
 */
const buryScript = defineScript(
  'bury',
  `
local gateway, offlineTtl, bound, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local lease = redis.call('ZSCORE', P .. 'gateways', gateway)
if not lease then return { 'done', 0, 0 } end
if ARGV[6] == '1' then
  redis.call('ZADD', P .. 'gateways', 0, gateway)
  leases[gateway] = false
elseif tonumber(lease) > now then return { 'live', 0, 0 } end

local inbox, rerouted, lost = P .. 'inbox:' .. gateway, 0, 0
local entries = redis.call('XRANGE', inbox, '-', '+', 'COUNT', most)
for _, entry in ipairs(entries) do
  local pairs_ = entry[2]
  for at = 1, #pairs_, 2 do
    local record, body = cjson.decode(pairs_[at]), pairs_[at + 1]
    if record[1] == 'm' and type(record[8]) == 'table' then
      local id, rest = string.match(pairs_[at], '^%["m","(%d+)",(%d+,%d+,%d+,"%a*","[^"]*")')
      for i = 1, #record[8], 2 do
        stash(record[8][i], id, rest, body, offlineTtl, bound)
        rerouted = rerouted + 1
      end
    elseif record[1] == 'c' and record[5] == 1 then
      hand_over(record[2], int(record[3]))
    end
  end
  redis.call('XDEL', inbox, entry[1])
end

local more = #entries == most
if not more then
  for _, user in ipairs(redis.call('SRANDMEMBER', P .. 'sessions:' .. gateway, most)) do
    local key = P .. 'user:' .. user
    local session = redis.call('HMGET', key, 'gateway', 'epoch')
    if session[1] == gateway then
      redis.call('HDEL', key, 'gateway', 'form')
      redis.call('HSET', key, 'last_seen', int(now))
      event('lost', user, session[2], gateway, 'gateway_lost')
      lost = lost + 1
    end
    redis.call('SREM', P .. 'sessions:' .. gateway, user)
  end
  more = redis.call('EXISTS', P .. 'sessions:' .. gateway) == 1
end
if not more then
  redis.call('ZREM', P .. 'gateways', gateway)
  -- its last batch stays remembered until it expires: should it live after all, it may ask again
  redis.call('DEL', inbox, P .. 'gateway:' .. gateway)
  if ARGV[6] ~= '1' then count('burials') end
end
commit()
return { more and 'more' or 'done', rerouted, lost }
`,
);

export interface Burial {
  outcome: 'live' | 'more' | 'done';
  rerouted: number;
  lost: number;
}

/** One step of taking a gateway down: call again while it answers `more`. */
export async function buryGateway(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  store: { offlineTtlSeconds: number; mailboxMax: number },
  how: { leaving: boolean; most: number },
): Promise<Burial> {
  const { offlineTtlSeconds, mailboxMax } = store;
  const args = [keys.prefix, gatewayId, offlineTtlSeconds, mailboxMax, how.most, how.leaving ? 1 : 0];
  const reply = (await redis.script(buryScript, [keys.users], args)) as [Burial['outcome'], number, number];
  return { outcome: reply[0], rerouted: reply[1], lost: reply[2] };
}
