-- KEYS[1] users
-- ARGV[1] prefix · [2] pair key · [3] user key · [4] address key · [5] known key · [6] 'check' | 'failed'
--     [7] burst of an address, 0 off
-- Returns the time to wait before the next try, ms: 0 is now
-- Atomic because: a counter with separate read and write lets parallel guesses through.
local ADDRESS_REFILL_MS = 1000
local REMEMBER_SECONDS = 3600
local USER_FAILURES = 50
local FREE_TRIES = 4
local MAX_PAUSE_MS = 900000
local pair, user, address, known = ARGV[2], ARGV[3], ARGV[4], redis.call('EXISTS', ARGV[5]) == 1
local burst = tonumber(ARGV[7])

-- the address: a bucket of allowed failures, stored as the time at which it would be full again
local full = math.max(tonumber(redis.call('GET', address) or '0'), now)
local used = (full - now) / ADDRESS_REFILL_MS

if ARGV[6] == 'check' then
  local at = tonumber(redis.call('HGET', pair, 'next_at') or '0')
  local wait = math.max(0, at - now)
  if burst > 0 and not known and used + 1 > burst then
    wait = math.max(wait, (used + 1 - burst) * ADDRESS_REFILL_MS)
  end
  return math.ceil(wait)
end

local failures = redis.call('HINCRBY', pair, 'failures', 1)
local total = redis.call('INCR', user)
if total == 1 then redis.call('EXPIRE', user, REMEMBER_SECONDS) end
local free = (known or total <= USER_FAILURES) and FREE_TRIES or 1
local pause = failures < free and 0 or math.min(MAX_PAUSE_MS, 1000 * 2 ^ math.min(failures - free, 20))
redis.call('HSET', pair, 'next_at', int(now + pause))
redis.call('EXPIRE', pair, REMEMBER_SECONDS)
if burst > 0 then redis.call('SET', address, int(full + ADDRESS_REFILL_MS), 'PX', int(full + ADDRESS_REFILL_MS - now)) end
return pause
