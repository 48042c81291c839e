-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] token at rest · [4] TTL, s · [5] the password field that was checked
--     [6] deadline, ms of Redis's clock · [7] pair key · [8] known key · [9] key of the pair's tries, [10] name of this one: it ends
-- Returns {'ok', expires at, Unix s} | {'late'} | {'changed'}
-- Atomic because: the password is still the one that was checked, and no token is written after its request has timed out.
local user, key = ARGV[2], P .. 'user:' .. ARGV[2]
redis.call('ZREM', ARGV[9], ARGV[10])
if now > tonumber(ARGV[6]) then return { 'late' } end
if redis.call('HGET', key, 'password') ~= ARGV[5] then return { 'changed' } end
local expires = int(math.floor(now / 1000) + tonumber(ARGV[4]))
replace_token(key, ARGV[3], expires)
redis.call('ZADD', P .. 'users', 0, user)
succeeded(ARGV[7], ARGV[8])
return { 'ok', expires }
