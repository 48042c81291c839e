import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { defineScript } from './library.ts';

/** Trimming of one mailbox: at every claim, and by the sweep for users who do not come back. */
export const TRIM_LUA = `
-- what is too old, or past its own ttl, is given up before it is promised
local function trim(user, expiring, offlineTtl)
  local box = P .. 'mailbox:' .. user
  local before = '(' .. int((now - offlineTtl * 1000) * 1024)
  local old = redis.call('ZRANGEBYSCORE', box, '-inf', before)
  if #old > 0 then
    redis.call('ZREMRANGEBYSCORE', box, '-inf', before)
    give_up(user, old, 'expired')
  end
  if not expiring then return end
  local expired, rest = {}, false
  for _, member in ipairs(redis.call('ZRANGE', box, 0, -1)) do
    local at = tonumber(string.match(member, '^%["%d+",%d+,%d+,(%d+)'))
    if at > 0 and at <= now then expired[#expired + 1] = member end
    rest = rest or at > now
  end
  for _, member in ipairs(expired) do redis.call('ZREM', box, member) end
  give_up(user, expired, 'expired')
  if not rest then redis.call('HDEL', P .. 'user:' .. user, 'expiring') end
end
`;

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] most users in this step · [4] how many keys of the store to look through
 *   · [5] how long nobody takes the next step, ms
 * Returns how many users were looked at
 * Users whom others have made, by writing `user:<id>` alone, are put into the list of users on the way.
 * Atomic because: the cursor that all gateways share moves on with the work.
 */
const sweepScript = defineScript(
  'sweep',
  `${TRIM_LUA}
if ARGV[5] ~= '0' and not redis.call('SET', P .. 'sweep_pause', '1', 'NX', 'PX', ARGV[5]) then return 0 end
local cursor = redis.call('GET', P .. 'sweep_cursor') or ''
local from = cursor == '' and '-' or '(' .. cursor
local users = redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', 0, tonumber(ARGV[3]))
for _, user in ipairs(users) do trim(user, redis.call('HGET', P .. 'user:' .. user, 'expiring'), tonumber(ARGV[2])) end
redis.call('SET', P .. 'sweep_cursor', #users < tonumber(ARGV[3]) and '' or users[#users])
local prefix = P .. 'user:'
-- a store that does not scan inside scripts lists such users from their first message or connection on
local page = redis.pcall('SCAN', redis.call('GET', P .. 'sweep_scan') or '0', 'MATCH', string.gsub(prefix, '[%*%?%[%]%\\\\]', '\\\\%0') .. '*', 'COUNT', ARGV[4], 'TYPE', 'hash')
if not page.err then
  local found = {}
  for _, key in ipairs(page[2]) do
    found[#found + 1] = 0
    found[#found + 1] = string.sub(key, #prefix + 1)
  end
  for from = 1, #found, 4000 do redis.call('ZADD', KEYS[1], unpack(found, from, math.min(from + 3999, #found))) end
  redis.call('SET', P .. 'sweep_scan', page[1])
end
commit()
return #users
`,
);

/** Of the store, in one step: about a millisecond. */
const KEYS_PER_STEP = 1_000;

export interface SweepStep {
  /** OFFLINE_TTL_S. */
  readonly offlineTtlSeconds: number;
  /** Users to look at. */
  readonly most: number;
  /** How long all gateways wait before the next step, ms; 0: not at all. */
  readonly pauseMs: number;
}

/**
 * Gives up what is too old in the mailboxes of the next users, round and round. Answers how many were looked at: none
 * while the pause of the step before lasts, whichever gateway took it.
 */
export async function sweepMailboxes(redis: RedisPort, keys: Keys, step: SweepStep): Promise<number> {
  const { offlineTtlSeconds, most, pauseMs } = step;
  return (await redis.script(
    sweepScript,
    [keys.users],
    [keys.prefix, offlineTtlSeconds, most, KEYS_PER_STEP, pauseMs],
  )) as number;
}
