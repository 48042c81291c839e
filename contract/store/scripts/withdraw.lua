-- KEYS[1] users
-- ARGV[1] prefix · [2] idempotency key name of the request · [3] bound of the audit stream, 0: none is kept · [4] its sender
--     then per command, or part of one: its place in the request (1: the first), the name of its group or '', its `replaces` key or '',
--     n, n recipients
-- Returns the number of withdrawn messages: 0 when the request had not been carried out, and then it never is
-- Atomic because: a request is refused before the route script reads its key, or none of its messages is delivered any more. The
-- mailboxes are emptied by several calls, each within its bound: the first that runs withdraws all messages.
-- For this long, gateways do not deliver withdrawn messages and mailboxes do not return them.
local WITHDRAWN_SECONDS = 3600
local name, withdrawn, taken = P .. ARGV[2], P .. 'withdrawn', 0
local past = redis.call('GET', name) or ''
local answers = string.match(past, '^%- %S* (.*)$')

local function withdraw(id)
  local later = redis.call('HMGET', P .. 'scheduled:' .. id, 'head', 'group', 'name')
  if later[1] then end_send(id, ARGV[4], later[2], later[3]) end
  redis.call('DEL', P .. 'receipt:' .. id)
  redis.call('ZADD', withdrawn, id, id)
  audit(tonumber(ARGV[3]), ARGV[4], 'withdraw', 'message', id)
  taken = taken + 1
  spend(1)
end
if answers then
  for id in string.gmatch(answers, '(%d+),%d+,%d+,%d+') do
    if id ~= '0' then withdraw(id) end
  end
  redis.call('ZREMRANGEBYSCORE', withdrawn, '-inf', int((now - WITHDRAWN_SECONDS * 1000) * 1024))
  redis.call('EXPIRE', withdrawn, WITHDRAWN_SECONDS)
else answers = string.match(past, '^withdrawn %- (.*)$') or '' end
redis.call('SET', name, 'withdrawn - ' .. answers, 'EX', WITHDRAWN_SECONDS)

local ids = {}
for id in string.gmatch(answers, '(%d+),%d+,%d+,%d+') do ids[#ids + 1] = id end

-- takes back that a command was replaced
local function unmark_replaced(id, user)
  local key, field = receipt_key(id), 'u:' .. user
  local was = redis.call('HMGET', key, field, 'm:group')
  local before = was[1] and string.match(was[1], '^(.+) replaced %d+$')
  if not before then return end
  redis.call('HSET', key, field, before)
  if was[2] then count_state(key, was[1], before) end
end

-- the mailbox had room for it
local function put_back(user, id, member)
  local session = redis.pcall('HMGET', P .. 'user:' .. user, 'gateway', 'epoch', 'owing')
  if session.err or redis.call('EXISTS', P .. 'user:' .. user) == 0 then return end
  if add_member(user, id, member, 0) and session[1] and not session[3] then notify_mailbox(session[1], user, session[2]) end
end

-- What the withdrawn message had replaced for this user waits again, unless a newer one has replaced both
local function undo_replace(user, id, name)
  local key = P .. 'replaces:' .. user
  spend(1)
  if redis.call('HGET', key, name) ~= id then return end
  local old, member = string.match(redis.call('HGET', P .. 'replaced:' .. id, user) or '', '^(%d+) (.*)$')
  if not old then
    redis.call('HDEL', key, name)
    return
  end
  redis.call('HSET', key, name, old)
  if redis.call('ZSCORE', withdrawn, old) then return undo_replace(user, old, name) end
  unmark_replaced(old, user)
  if member ~= '' then put_back(user, old, member) end
end

local function take_back(user, id, name)
  take_out(user, { id })
  if name ~= '' then undo_replace(user, id, name) end
end

-- a command to a group: its members, and those who have left since
local function take_out_of_group(id, group, replaces)
  local done = {}
  local function once(user, messageId)
    if not done[user .. '\n' .. messageId] then take_back(user, messageId, replaces) end
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
  local id, group, replaces, n = ids[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  if id and id ~= '0' then
    for i = at + 4, at + 3 + n do take_back(ARGV[i], id, replaces) end
    if group ~= '' then take_out_of_group(id, group, replaces) end
    redis.call('DEL', P .. 'cancellable:' .. id)
  end
  at = at + 4 + n
end
commit()
return taken
