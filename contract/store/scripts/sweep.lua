-- KEYS[1] users
-- ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] maximum of users in this step · [4] number of keys of the store to scan
--   · [5] pause before the next step, ms
-- Returns the number of users that were checked
-- Users created by other programs, which write only `user:<id>`, are added to the list of users.
-- Atomic because: the cursor that all gateways share advances with the work.
if ARGV[5] ~= '0' and not redis.call('SET', P .. 'sweep_pause', '1', 'NX', 'PX', ARGV[5]) then return 0 end
local cursor = redis.call('GET', P .. 'sweep_cursor') or ''
local from = cursor == '' and '-' or '(' .. cursor
local users = redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', 0, tonumber(ARGV[3]))
local looked, isAtEnd = 0, #users < tonumber(ARGV[3])
for _, user in ipairs(users) do
  if work >= STEP_WORK then
    isAtEnd = false
    break
  end
  -- a mailbox with more to remove is checked again in the next step
  local expiring = redis.pcall('HGET', P .. 'user:' .. user, 'expiring')
  if trim(user, type(expiring) == 'string', tonumber(ARGV[2])) then
    isAtEnd = false
    break
  end
  looked, cursor = looked + 1, user
end
redis.call('SET', P .. 'sweep_cursor', isAtEnd and '' or cursor)
local prefix = P .. 'user:'
-- where the store cannot scan inside scripts, such users are listed from their first message or connection on
local page = redis.pcall('SCAN', redis.call('GET', P .. 'sweep_scan') or '0', 'MATCH', string.gsub(prefix, '[%*%?%[%]%\\]', '\\%0') .. '*', 'COUNT', ARGV[4], 'TYPE', 'hash')
if not page.err then
  local found = {}
  for _, key in ipairs(page[2]) do
    found[#found + 1] = 0
    found[#found + 1] = string.sub(key, #prefix + 1)
  end
  for from = 1, #found, 4000 do redis.call('ZADD', KEYS[1], unpack(found, from, math.min(from + 3999, #found))) end
  redis.call('SET', P .. 'sweep_scan', page[1])
end
commit()
return looked
