-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · [6] user · [7] 'add', 'replace' or 'password' · [8] the password at rest, or '' · [9] 'operator' or 'user'; of
--     'password' nothing
-- Returns 'done', 'exists' (add), 'no_user' (password) or 'late'
-- Atomic because: of two who add the same user, one is refused.
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
local user, how, password = ARGV[6], ARGV[7], ARGV[8]
local key = P .. 'user:' .. user
local isThere = redis.call('EXISTS', key) == 1
if how == 'password' and not isThere then return 'no_user' end
-- a user with a token alone may get a password; an operator keeps the role
if how == 'add' and isThere then
  local was = redis.call('HMGET', key, 'password', 'role')
  if password == '' or was[1] or was[2] then return 'exists' end
end
redis.call('HSETNX', key, 'added_at', int(now))
if password ~= '' then redis.call('HSET', key, 'password', password) end
if ARGV[9] == 'operator' then redis.call('HSET', key, 'role', 'operator')
elseif ARGV[9] == 'user' then redis.call('HDEL', key, 'role') end
redis.call('ZADD', P .. 'users', 0, user)
audit(tonumber(ARGV[4]), ARGV[5], how == 'password' and 'password_set' or 'user_added', 'target', user)
return answered(ARGV[3], 'done')
