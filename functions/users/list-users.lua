-- KEYS[1] users
-- ARGV[1] prefix · [2] lower bound, [3] upper bound of the ids, as ZRANGEBYLEX takes them · [4] limit
-- Returns per user {id, role or '', gateway or '', connected_at, last_seen}; '' for a missing value
-- Atomic because: presence is only valid together with the leases of the same moment. One round trip for any number of users.
local rows = {}
for i, user in ipairs(redis.call('ZRANGEBYLEX', P .. 'users', ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])) do
  local f = redis.call('HMGET', P .. 'user:' .. user, 'role', 'gateway', 'connected_at', 'last_seen')
  rows[i] = { user, f[1] or '', live(f[2]) and f[2] or '', f[3] or '', f[4] or '' }
end
return rows
