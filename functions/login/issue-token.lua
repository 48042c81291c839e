-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] token at rest · [4] TTL, s · [5] the password field that was checked
--     [6] deadline, ms of Redis's clock · [7] pair key · [8] known key
-- Returns {'ok', expires at, Unix s} | {'late'} | {'changed'}
-- Atomic because: the password is still the one that was checked, and no token is written after its request has timed out.
local user, key = ARGV[2], P .. 'user:' .. ARGV[2]
if now > tonumber(ARGV[6]) then return { 'late' } end
if redis.call('HGET', key, 'password') ~= ARGV[5] then return { 'changed' } end
local expires = int(math.floor(now / 1000) + tonumber(ARGV[4]))
local was = redis.call('HMGET', key, 'token', 'token_expires_at', 'role', 'more_tokens')
local more = more_tokens(was[3], was[4])
if was[3] == 'operator' and was[1] and string.find(was[1], '^sha256:%x+$') and (tonumber(was[2] or expires) or 0) * 1000 > now then
  -- a token without an expiry gets the usual one
  table.insert(more, 1, { was[1], was[2] or expires })
end
keep_more_tokens(key, more)
redis.call('HSET', key, 'token', ARGV[3], 'token_expires_at', expires)
redis.call('ZADD', P .. 'users', 0, user)
succeeded(ARGV[7], ARGV[8])
return { 'ok', expires }
