-- KEYS[1] users
-- ARGV[1] prefix · [2] bound of the audit stream, 0: none is kept · [3] who asks · [4] user · [5] 'add', 'replace' or 'password'
--     [6] the password at rest, or '' · [7] 'operator' or 'user'; of 'password' nothing
-- Returns 'done', 'exists' (add) or 'no_user' (password)
-- Atomic because: of two who add the same user, one is refused.
local user, how, password = ARGV[4], ARGV[5], ARGV[6]
local key = P .. 'user:' .. user
local isThere = redis.call('EXISTS', key) == 1
if how == 'password' and not isThere then return 'no_user' end
-- a user with a token alone may get a password
if how == 'add' and isThere and (password == '' or redis.call('HEXISTS', key, 'password') == 1) then return 'exists' end
redis.call('HSETNX', key, 'added_at', int(now))
if password ~= '' then redis.call('HSET', key, 'password', password) end
if ARGV[7] == 'operator' then redis.call('HSET', key, 'role', 'operator')
elseif ARGV[7] == 'user' then redis.call('HDEL', key, 'role') end
redis.call('ZADD', P .. 'users', 0, user)
audit(tonumber(ARGV[2]), ARGV[3], how == 'password' and 'password_set' or 'user_added', 'target', user)
return 'done'
