-- KEYS[1] users
-- ARGV[1] prefix · [2] lower bound, [3] upper bound of the ids, as ZRANGEBYLEX takes them · [4] limit · [5] users to skip
-- Returns {users within the bounds, rows}; per row {id, role or '', gateway or '', connected_at, last_seen}; '' for a missing value
-- Atomic because: presence is only valid together with the leases of the same moment. One round trip for any number of users.
local limit, skipped, rows = tonumber(ARGV[4]), tonumber(ARGV[5]), {}
local all = P .. 'users'
local total = redis.call('ZLEXCOUNT', all, ARGV[2], ARGV[3])
local first = total > skipped and redis.call('ZRANGEBYLEX', all, ARGV[2], ARGV[3], 'LIMIT', 0, 1)[1]
if first then
  -- by rank: a LIMIT would walk over every skipped user
  local from = redis.call('ZRANK', all, first) + skipped
  for i, user in ipairs(redis.call('ZRANGE', all, from, from + math.min(limit, total - skipped) - 1)) do rows[i] = user_row(user) end
end
return { total, rows }
