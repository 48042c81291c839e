-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · [6] user · [7] token at rest · [8] TTL, s; 0: until it is replaced
-- Returns {'ok', expires at, Unix s, or ''}, {'no_user'} or 'late'
-- Atomic because: an operator's other tokens stay valid, also when somebody logs in meanwhile.
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
local user, key, ttl = ARGV[6], P .. 'user:' .. ARGV[6], tonumber(ARGV[8])
if redis.call('EXISTS', key) == 0 then return { 'no_user' } end
local expires = ttl > 0 and int(math.floor(now / 1000) + ttl) or ''
replace_token(key, ARGV[7], expires)
redis.call('ZADD', P .. 'users', 0, user)
audit(tonumber(ARGV[4]), ARGV[5], 'user_token_made', 'target', user)
return answered(ARGV[3], { 'ok', expires })
