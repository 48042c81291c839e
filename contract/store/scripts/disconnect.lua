-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] reason · [4] 1: the token is revoked too
-- Returns 'unknown' | 'offline' | 'online'
-- Atomic because: between looking up the session and telling its gateway it could have moved.
local user, key = ARGV[2], P .. 'user:' .. ARGV[2]
if redis.call('EXISTS', key) == 0 then return 'unknown' end
if ARGV[4] == '1' then redis.call('HDEL', key, 'token', 'token_expires_at') end
local session = redis.call('HMGET', key, 'gateway', 'epoch')
if not live(session[1]) then return 'offline' end
post(session[1], '["c",' .. text(user) .. ',' .. session[2] .. ',' .. text(ARGV[3]) .. ',0]', '')
commit()
return 'online'
