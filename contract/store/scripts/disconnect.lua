-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] reason · [4] 1: the token is revoked too
--     [5] highest message id that the caller knows of (its estimate of Redis's clock), 0: none
-- Returns 'unknown' | 'offline' | 'online'
-- The epoch is raised whether there is a session or not: a gateway that is cut off finds, when it comes back, that what it holds has ended.
-- Atomic because: between looking up the session and ending it, it could have moved.
local user, key = ARGV[2], P .. 'user:' .. ARGV[2]
if redis.call('EXISTS', key) == 0 then return 'unknown' end
if ARGV[4] == '1' then redis.call('HDEL', key, 'token', 'token_expires_at') end
local session = redis.call('HMGET', key, 'gateway', 'epoch', 'form')
local _, known = known_id(tonumber(ARGV[5]))
redis.call('HSET', key, 'epoch', next_epoch(session[2], known), 'ended', ARGV[3])
if not session[1] then return 'offline' end
end_session(user, session[1], session[2], session[3], ARGV[3])
redis.call('HDEL', key, 'gateway', 'form')
redis.call('HSET', key, 'last_seen', int(now))
commit()
return live(session[1]) and 'online' or 'offline'
