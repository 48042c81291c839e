-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] lease ms · [4] 1: join (a new id), 0: renew · [5] highest message id that the gateway knows of
--     [6] ms since its last renewal was asked for, by its own clocks; 0: there was none · then field, value pairs for gateway:<id>
-- Returns 'lost' (a lease that has run out is not taken up again: ids are never reused), or {now ms, highest message id that
--     the store had, how often a set clock was followed, ids of dead gateways…}
-- Atomic because: nobody may bury this gateway between the look and the renewal.
local gateway, leaseMs, elapsed = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[6])
-- A clock that was set by more than this is followed: leases run on for as long as they would have. Above every delay of a renewal that counts.
local SET_MS = 3 * leaseMs
local renewed = tonumber(elapsed > 0 and redis.call('HGET', P .. 'gateway:' .. gateway, 'renewed_at') or nil)
local jump = renewed and now - renewed - elapsed or 0
if math.abs(jump) <= SET_MS then jump = 0 end

-- Set forward: all leases would have run out at once. Set back: those of dead gateways would last for as long as it was set back.
local latest = now + leaseMs
local suspects = jump ~= 0 and { '(' .. int(now - math.max(jump, 0)), '+inf' } or { '(' .. int(latest + SET_MS), '+inf' }
local shifted = redis.call('ZRANGEBYSCORE', P .. 'gateways', suspects[1], suspects[2], 'WITHSCORES')
for at = 1, #shifted, 2 do
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
commit()
return { int(now), int(stored), redis.call('HGET', P .. 'stats', 'clock_set') or '0',
  unpack(redis.call('ZRANGEBYSCORE', P .. 'gateways', '-inf', int(now))) }
