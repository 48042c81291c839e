-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] reason · [4] tokens to revoke too: '' none, 'all', or the token field that was checked
--     [5] highest message id known to the caller (its estimate of Redis's clock), 0: none
--     [6] deadline, [7] name of this call: see action-library.lua · [8] bound of the audit stream, 0: none is kept · [9] who asks
-- Returns 'unknown' | 'offline' | 'online' | 'late' | 'kept': the connection was verified with another token, which is still valid
-- The epoch is raised even without a session: a gateway that was cut off finds, when it comes back, that its sessions have ended.
-- Atomic because: between looking up the session and ending it, it could have moved.
local past = earlier_answer(ARGV[6], ARGV[7])
if past then return past end
local user, key, revoked = ARGV[2], P .. 'user:' .. ARGV[2], ARGV[4]
if redis.call('EXISTS', key) == 0 then return 'unknown' end

-- when the newest token is revoked, the next one replaces it
local function revoke(token)
  local f = redis.call('HMGET', key, 'token', 'role', 'more_tokens')
  local left = {}
  for _, more in ipairs(more_tokens(f[2], f[3])) do
    if more[1] ~= token then left[#left + 1] = more end
  end
  if f[1] == token then
    local next_token = table.remove(left, 1)
    if next_token then redis.call('HSET', key, 'token', next_token[1], 'token_expires_at', next_token[2])
    else redis.call('HDEL', key, 'token', 'token_expires_at') end
  end
  keep_more_tokens(key, left)
end

audit(tonumber(ARGV[8]), ARGV[9], revoked == '' and 'disconnect' or 'user_token_revoked', 'target', user)
if revoked == 'all' then redis.call('HDEL', key, 'token', 'token_expires_at', 'more_tokens')
elseif revoked ~= '' then
  revoke(revoked)
  local f = redis.call('HMGET', key, 'token', 'token_expires_at', 'role', 'more_tokens', 'verified_by')
  if is_valid_token(f[5], f) then return answered(ARGV[7], 'kept') end
end
local session = redis.call('HMGET', key, 'gateway', 'epoch', 'form')
local _, known = known_id(tonumber(ARGV[5]))
redis.call('HSET', key, 'epoch', next_epoch(session[2], known), 'ended', ARGV[3])
if not session[1] then return answered(ARGV[7], 'offline') end
end_session(user, session[1], session[2], session[3], ARGV[3])
redis.call('HDEL', key, 'gateway', 'form')
redis.call('HSET', key, 'last_seen', int(now))
commit()
return answered(ARGV[7], live(session[1]) and 'online' or 'offline')
