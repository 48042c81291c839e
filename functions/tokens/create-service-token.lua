-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · [6] id · [7] token at rest · [8] name · [9] scopes, [10] recipients as JSON ([10] '': anyone) · [11] TTL, s
--     [12] maximum of tokens
-- Returns {'ok', expires at, Unix s}, {'full'} or 'late'
-- Atomic because: token, list and record agree, and no token is made after its request has timed out.
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
local id, index, seconds = ARGV[6], P .. 'service_tokens', math.floor(now / 1000)
redis.call('ZREMRANGEBYSCORE', index, '-inf', int(seconds))
if redis.call('ZCARD', index) >= tonumber(ARGV[12]) then return { 'full' } end
local expires = int(seconds + tonumber(ARGV[11]))
local key = P .. 'service_token:' .. id
redis.call('HSET', key, 'token', ARGV[7], 'name', ARGV[8], 'scopes', ARGV[9], 'recipients', ARGV[10],
  'created_by', ARGV[5], 'created_at', int(now), 'expires_at', expires)
redis.call('EXPIREAT', key, expires)
redis.call('ZADD', index, expires, id)
audit(tonumber(ARGV[4]), ARGV[5], 'token_created', 'target', id)
return answered(ARGV[3], { 'ok', expires })
