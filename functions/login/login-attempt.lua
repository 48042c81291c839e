-- KEYS[1] users
-- ARGV[1] prefix · [2] pair key · [3] user key · [4] address key · [5] known key · [6] 'begin' | 'failed' | 'release'
--     [7] burst of an address, 0 off · [8] key of the pair's tries in flight · [9] name of this try
-- Returns the time to wait before the next try, ms: 0 is now, and of 'begin': this one may go on
-- Atomic because: two failures at the same moment must both be counted, and of parallel guesses only as many may begin as are free.
local ADDRESS_REFILL_MS = 1000
local REMEMBER_SECONDS = 3600
local USER_FAILURES = 50
local FREE_TRIES = 4
local MAX_PAUSE_MS = 900000
-- at an address where the user has logged in before, until a password is wrong
local KNOWN_PARALLEL_TRIES = 16
local PARALLEL_PAUSE_MS = 1000
-- a try whose process has died
local TRY_MS = 10000
local pair, user, address, known = ARGV[2], ARGV[3], ARGV[4], redis.call('EXISTS', ARGV[5]) == 1
local burst, tries, try = tonumber(ARGV[7]), ARGV[8], ARGV[9]
redis.call('ZREM', tries, try)
if ARGV[6] == 'release' then return 0 end

-- the address: a bucket of allowed failures, stored as the time at which it would be full again
local full = math.max(tonumber(redis.call('GET', address) or '0'), now)
local used = (full - now) / ADDRESS_REFILL_MS
local function free_tries(total) return (known or total <= USER_FAILURES) and FREE_TRIES or 1 end

if ARGV[6] == 'begin' then
  local was = redis.call('HMGET', pair, 'next_at', 'failures')
  local wait, failures = math.max(0, tonumber(was[1] or '0') - now), tonumber(was[2] or '0')
  if burst > 0 and not known and used + 1 > burst then
    wait = math.max(wait, (used + 1 - burst) * ADDRESS_REFILL_MS)
  end
  if wait > 0 then return math.ceil(wait) end
  local parallel = math.max(1, free_tries(tonumber(redis.call('GET', user) or '0')) - failures)
  if known and failures == 0 then parallel = KNOWN_PARALLEL_TRIES end
  redis.call('ZREMRANGEBYSCORE', tries, '-inf', int(now))
  if redis.call('ZCARD', tries) >= parallel then return PARALLEL_PAUSE_MS end
  redis.call('ZADD', tries, int(now + TRY_MS), try)
  redis.call('PEXPIRE', tries, TRY_MS)
  return 0
end

local failures = redis.call('HINCRBY', pair, 'failures', 1)
local total = redis.call('INCR', user)
if total == 1 then redis.call('EXPIRE', user, REMEMBER_SECONDS) end
local free = free_tries(total)
local pause = failures < free and 0 or math.min(MAX_PAUSE_MS, 1000 * 2 ^ math.min(failures - free, 20))
redis.call('HSET', pair, 'next_at', int(now + pause))
redis.call('EXPIRE', pair, REMEMBER_SECONDS)
if burst > 0 then redis.call('SET', address, int(full + ADDRESS_REFILL_MS), 'PX', int(full + ADDRESS_REFILL_MS - now)) end
return pause
