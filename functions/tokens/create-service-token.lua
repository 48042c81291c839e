-- KEYS[1] users
-- ARGV[1] prefix · [2] id · [3] token at rest · [4] name · [5] scopes, [6] recipients as JSON ([6] '': anyone) · [7] TTL, s
--     [8] actor · [9] maximum of tokens · [10] bound of the audit · [11] deadline, ms of Redis's clock
-- Returns {'ok', expires at, Unix s} | {'full'} | {'late'}
-- Atomic because: token, list and record agree, and no token is made after its request has timed out.
local id, index, seconds = ARGV[2], P .. 'service_tokens', math.floor(now / 1000)
if now > tonumber(ARGV[11]) then return { 'late' } end
redis.call('ZREMRANGEBYSCORE', index, '-inf', int(seconds))
if redis.call('ZCARD', index) >= tonumber(ARGV[9]) then return { 'full' } end
local expires = int(seconds + tonumber(ARGV[7]))
local key = P .. 'service_token:' .. id
redis.call('HSET', key, 'token', ARGV[3], 'name', ARGV[4], 'scopes', ARGV[5], 'recipients', ARGV[6],
  'created_by', ARGV[8], 'created_at', int(now), 'expires_at', expires)
redis.call('EXPIREAT', key, expires)
redis.call('ZADD', index, expires, id)
audit(tonumber(ARGV[10]), ARGV[8], 'token_created', 'target', id)
return { 'ok', expires }
