-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] lease ms · [4] 1: join (a new id), 0: renew · [5] highest message id known to the gateway
--     [6] ms since it sent its last renewal, by its own clock; 0: there was none · then field, value pairs for gateway:<id>
-- Returns 'lost' (a lease that has run out is not renewed: ids are never reused), or {now ms, highest message id that
--     the store had, ids of dead gateways…}
-- Atomic because: nobody may bury this gateway between the check and the renewal.
local gateway, leaseMs, elapsed = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[6])
-- When the clock was set by more than this, leases are moved with it and keep their remaining time. Above every tolerated delay of a renewal.
local SET_MS = 3 * leaseMs
local renewed = tonumber(elapsed > 0 and redis.call('HGET', P .. 'gateway:' .. gateway, 'renewed_at') or nil)
local jump = renewed and now - renewed - elapsed or 0
if math.abs(jump) <= SET_MS then jump = 0 end

-- Set forward: all leases would run out at once. Set back: leases of dead gateways would last longer by the same time.
-- Until then messages may have gone into the mailboxes of users who are connected: their gateways are told ahead of what follows.
local latest = now + leaseMs
local above = latest + SET_MS
-- a lease that was given since the clock was set back is not above `latest`: it stays
if jump > 0 then above = now - jump elseif jump < 0 then above = latest end
local shifted = redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(above), '+inf', 'WITHSCORES')
for at = 1, #shifted, 2 do
  post(shifted[at], '["s"]', '')
  redis.call('ZADD', P .. 'gateways', int(math.min(tonumber(shifted[at + 1]) + jump, latest)), shifted[at])
end
if #shifted > 0 then count('clock_set') end

if ARGV[4] == '0' and not live(gateway) then
  commit()
  return 'lost'
end
local stored = known_id(tonumber(ARGV[5]))
redis.call('ZADD', P .. 'gateways', int(latest), gateway)
local fields = {}
for at = 7, #ARGV do fields[#fields + 1] = ARGV[at] end
redis.call('HSET', P .. 'gateway:' .. gateway, 'renewed_at', int(now), unpack(fields))
redis.call('EXPIRE', P .. 'writes:' .. gateway, WRITES_SECONDS)
commit()
return { int(now), int(stored), unpack(redis.call('ZRANGEBYSCORE', P .. 'gateways', '-inf', int(now))) }
