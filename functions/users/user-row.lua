-- Returns {id, role or '', gateway or '', connected_at, last_seen} of a user; '' for a missing value.
local function user_row(user)
  local f = redis.call('HMGET', P .. 'user:' .. user, 'role', 'gateway', 'connected_at', 'last_seen')
  return { user, f[1] or '', live(f[2]) and f[2] or '', f[3] or '', f[4] or '' }
end
