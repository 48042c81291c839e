-- KEYS[1] users
-- ARGV[1] prefix · [2] idempotency key name of the request · [3] bound of the audit stream, 0: none is kept · [4] its sender
--     then per command, or part of one: its place in the request (1: the first), the name of its group or '', n, n recipients
-- Returns the number of revoked messages: 0 when the request had not been carried out, and then it never is
-- Atomic because: a request is refused before the route script reads its key, or none of its messages is delivered any more. The
-- mailboxes are emptied by several calls, each within its bound: the first that runs revokes all messages.
-- For so long gateways do not deliver revoked messages, and no mailbox gives them out.
local WITHDRAWN_SECONDS = 3600
local name, withdrawn, taken = P .. ARGV[2], P .. 'withdrawn', 0
local past = redis.call('GET', name) or ''
local answers = string.match(past, '^%- %S* (.*)$')

local function revoke(id)
  local later = P .. 'scheduled:' .. id
  local generation = redis.call('HGET', later, 'group')
  if generation then redis.call('ZREM', P .. 'group_sends:' .. generation, id) end
  redis.call('DEL', later, P .. 'receipt:' .. id)
  redis.call('ZADD', withdrawn, id, id)
  audit(tonumber(ARGV[3]), ARGV[4], 'withdraw', 'message', id)
  taken = taken + 1
  spend(1)
end
if answers then
  for id in string.gmatch(answers, '(%d+),%d+,%d+,%d+') do
    if id ~= '0' then revoke(id) end
  end
  redis.call('ZREMRANGEBYSCORE', withdrawn, '-inf', int((now - WITHDRAWN_SECONDS * 1000) * 1024))
  redis.call('EXPIRE', withdrawn, WITHDRAWN_SECONDS)
else answers = string.match(past, '^withdrawn %- (.*)$') or '' end
redis.call('SET', name, 'withdrawn - ' .. answers, 'EX', WITHDRAWN_SECONDS)

local ids = {}
for id in string.gmatch(answers, '(%d+),%d+,%d+,%d+') do ids[#ids + 1] = id end

-- a command to a group: its members, and those who have left since
local function take_out_of_group(id, group)
  local done = {}
  local function once(user, messageId)
    if not done[user .. '\n' .. messageId] then take_out(user, { messageId }) end
    done[user .. '\n' .. messageId] = true
  end
  local lists = redis.call('HGETALL', P .. 'cancellable:' .. id)
  for i = 1, #lists, 2 do
    local messageId = string.match(lists[i], '^n:(%d+)$')
    for _, user in ipairs(messageId and cjson.decode(lists[i + 1]) or {}) do once(user, messageId) end
  end
  local generation = generation_of(group)
  if not generation or redis.call('ZCARD', (group_keys(generation))) > INLINE_MEMBERS then return end
  for _, user in ipairs(redis.call('ZRANGE', (group_keys(generation)), 0, -1)) do once(user, id) end
end

local at = 5
while ARGV[at] do
  local id, group, n = ids[tonumber(ARGV[at])], ARGV[at + 1], tonumber(ARGV[at + 2])
  if id and id ~= '0' then
    for i = at + 3, at + 2 + n do take_out(ARGV[i], { id }) end
    if group ~= '' then take_out_of_group(id, group) end
    redis.call('DEL', P .. 'cancellable:' .. id)
  end
  at = at + 3 + n
end
commit()
return taken
