-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · [6] user · [7] highest message id known to the caller (its estimate of Redis's clock), 0: none
-- Returns 'unknown', 'more' (call again: messages wait in the mailbox), 'removed' or 'late'
-- First the tokens and the session end, so that nobody comes back meanwhile; the name goes last. What waits counts as cancelled.
-- Atomic because: tokens and session end together, and the name goes with the last message.
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
local user, key = ARGV[6], P .. 'user:' .. ARGV[6]
if redis.call('EXISTS', key) == 0 then return 'unknown' end
-- the key stays until the last step
redis.call('HSETNX', key, 'added_at', int(now))
redis.call('HDEL', key, 'token', 'token_expires_at', 'more_tokens', 'password', 'role')
local session = redis.call('HMGET', key, 'gateway', 'epoch', 'form')
if session[1] then
  local _, known = known_id(tonumber(ARGV[7]))
  redis.call('HSET', key, 'epoch', next_epoch(session[2], known), 'ended', 'logged_out')
  end_session(user, session[1], session[2], session[3], 'logged_out')
  redis.call('HDEL', key, 'gateway', 'form')
end
local _, isMore = clear_mailbox(user, '+inf')
if isMore then
  commit()
  return 'more'
end
redis.call('DEL', key, P .. 'replaces:' .. user)
redis.call('ZREM', P .. 'users', user)
redis.call('ZREM', P .. 'repeated', user)
audit(tonumber(ARGV[4]), ARGV[5], 'user_removed', 'target', user)
commit()
return answered(ARGV[3], 'removed')
