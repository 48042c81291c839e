-- Releases commands that are due: routes them, oldest first, as much as one call may do.
-- KEYS[1] users
-- ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] bound of a mailbox, `<messages>,<bytes>`
-- Returns {commands released, ms until the next one is due: 0 when more is due now, -1 when none is scheduled}
-- A message is delivered with a fresh id (ids order deliveries); the receipt stays that of the command (`m:alias`).
-- Atomic because: a recipient is served once, whichever gateways release at the same time.
local offlineTtl, bound = tonumber(ARGV[2]), bound_of(ARGV[3])

-- those of these users whose newest command with the key this still is
local function not_replaced(users, name, id)
  if name == '' then return users end
  local left = {}
  for _, user in ipairs(users) do
    spend(1)
    local newest = redis.call('HGET', P .. 'replaces:' .. user, name)
    if newest and newest ~= id then mark(id, user, 'replaced') else left[#left + 1] = user end
  end
  return left
end

local function alias(messageId, commandId, life)
  local key = P .. 'receipt:' .. messageId
  redis.call('HSET', key, 'm:alias', commandId)
  redis.call('EXPIRE', key, int(life + 86400))
end

-- Returns whether all of the command was released.
local function release(id)
  local key = P .. 'scheduled:' .. id
  local was = redis.call('HMGET', key, 'head', 'body', 'to', 'at', 'ttl', 'replaces', 'life', 'due')
  if not was[1] then return true end
  local head, body, ttl, life = cjson.decode(was[1]), was[2], tonumber(was[5]), tonumber(was[7])
  local commandId, version, flags, traceparent, from = unpack(head)
  local expires = ttl > 0 and int(tonumber(was[8]) + ttl * 1000) or '0'
  local rest = commandId .. ',' .. version .. ',' .. expires .. ',"' .. flags .. '","' .. traceparent .. '"'
  local messageId = nextId()
  if string.find(flags, 'r', 1, true) then alias(messageId, id, life) end
  if was[3] == '*' then
    keep_cancellable(id, messageId, {}, broadcast(messageId, rest, body, ''), life)
    return true
  end
  local to, at = cjson.decode(was[3]), tonumber(was[4])
  local each = 1 + #body / 200
  local stop = math.min(#to, at + math.max(1, math.floor((STEP_WORK / 2 - work) / each)) - 1)
  local users = {}
  for i = at, stop do users[#users + 1] = to[i] end
  users = not_replaced(users, was[6], id)
  local options = was[6] ~= '' and { replaces = was[6], ttl = ttl } or nil
  local online, _, _, waiting = route(messageId, rest, body, users, offlineTtl, bound, nil, options)
  keep_cancellable(id, messageId, waiting, online, life)
  if stop == #to then return true end
  redis.call('HSET', key, 'at', stop + 1)
  return false
end

local released = 0
while work < STEP_WORK / 2 do
  local id = redis.call('ZRANGEBYSCORE', P .. 'scheduled', '-inf', int(now), 'LIMIT', 0, 1)[1]
  if not id then break end
  spend(1)
  if release(id) then
    redis.call('ZREM', P .. 'scheduled', id)
    redis.call('DEL', P .. 'scheduled:' .. id)
    released = released + 1
  end
end
commit()
local next = redis.call('ZRANGE', P .. 'scheduled', 0, 0, 'WITHSCORES')[2]
return { released, next and math.max(0, tonumber(next) - now) or -1 }
