-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] OFFLINE_TTL_S · [4] mailbox bound · [5] most entries and sessions in this step
--     [6] 1: it leaves of its own accord and gives its lease up, 0: only when its lease has run out
-- Returns {'live'} | {'more' | 'done', messages re-routed, sessions lost}
-- Atomic because: any gateway may bury, several at a time, and may itself die between two steps: each step leaves a
-- state from which the next goes on. Order: the inbox (oldest first), then the sessions, then the lease.
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
