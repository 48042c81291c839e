-- KEYS[1] users
-- ARGV[1] prefix · [2] bound of the audit stream, 0: none is kept · [3] who asks · [4] user · [5] token at rest
--     [6] TTL, s; 0: until it is replaced
-- Returns {'ok', expires at, Unix s, or ''} or {'no_user'}
-- Atomic because: an operator's other tokens stay valid, also when somebody logs in meanwhile.
local user, key, ttl = ARGV[4], P .. 'user:' .. ARGV[4], tonumber(ARGV[6])
if redis.call('EXISTS', key) == 0 then return { 'no_user' } end
local expires = ttl > 0 and int(math.floor(now / 1000) + ttl) or ''
replace_token(key, ARGV[5], expires)
redis.call('ZADD', P .. 'users', 0, user)
audit(tonumber(ARGV[2]), ARGV[3], 'user_token_made', 'target', user)
return { 'ok', expires }
