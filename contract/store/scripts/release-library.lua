-- Delivery of commands that were accepted earlier: shared by the release of due commands and by sends that must not overtake them.

local function alias(messageId, commandId, life)
  local key = P .. 'receipt:' .. messageId
  redis.call('HSET', key, 'm:alias', commandId)
  redis.call('EXPIRE', key, int(life + 86400))
end

-- the users for whom this is still the newest command with the key
local function not_replaced(users, name, id)
  if name == '' then return users end
  local left = {}
  for _, user in ipairs(users) do
    spend(1)
    if is_superseded(user, name, id) then mark(id, user, 'replaced') else left[#left + 1] = user end
  end
  return left
end

local function command_of(id)
  local was = redis.call('HMGET', P .. 'scheduled:' .. id, 'head', 'body', 'to', 'at', 'ttl', 'replaces', 'life', 'due', 'group', 'name', 'cursor',
    'sessions')
  if not was[1] then return nil end
  local commandId, version, flags, traceparent, from = unpack(cjson.decode(was[1]))
  spend(0, #was[2])
  local ttl = tonumber(was[5])
  local expires = ttl > 0 and int(tonumber(was[8]) + ttl * 1000) or '0'
  return { id = id, from = from, body = was[2], to = was[3], at = tonumber(was[4]), ttl = ttl, replaces = was[6], life = tonumber(was[7]),
    group = was[9], name = was[10], cursor = was[11], sessions = was[12] or nil, hasReceipt = string.find(flags, 'r', 1, true) ~= nil,
    rest = commandId .. ',' .. version .. ',' .. expires .. ',"' .. flags .. '","' .. traceparent .. '"' }
end

-- gives a command to some of its recipients, under a fresh id
local function deliver_later(command, users, offlineTtl, bound)
  users = not_replaced(users, command.replaces, command.id)
  if #users == 0 then return end
  local messageId = nextId()
  if command.hasReceipt then alias(messageId, command.id, command.life) end
  local options = command.replaces ~= '' and { replaces = command.replaces, ttl = command.ttl, command = command.id } or nil
  local online, _, _, waiting = route(messageId, command.rest, command.body, users, offlineTtl, bound, nil, options)
  keep_cancellable(command.id, messageId, waiting, online, command.life)
end

-- gives a send to a group to some of its members, each once. A cancellation counts the others
local function serve_members(command, users, offlineTtl, bound)
  if #users > 0 then redis.call('HINCRBY', P .. 'scheduled:' .. command.id, 'served', #users) end
  deliver_later(command, users, offlineTtl, bound)
end

-- serves, ahead of their turn, the members among these users whom the send has not reached yet
local function serve_early(command, users, offlineTtl, bound)
  local early = {}
  for _, user in ipairs(users) do
    spend(1)
    local joined = redis.call('ZSCORE', P .. 'group:' .. command.group, user)
    local isDue = joined and tonumber(joined) < tonumber(command.id) and tonumber(joined) > tonumber(command.cursor)
    if isDue and redis.call('SADD', P .. 'group_early:' .. command.id, user) == 1 then early[#early + 1] = user end
  end
  serve_members(command, early, offlineTtl, bound)
end

-- Earlier sends of this sender to groups; a batch asks for them again and again, and each is read once.
local read_sends = {}
local function earlier_sends(from)
  local sends = {}
  for _, id in ipairs(redis.call('ZRANGE', P .. 'sender_work:' .. from, 0, -1)) do
    local command = read_sends[id] or command_of(id)
    if not command then redis.call('ZREM', P .. 'sender_work:' .. from, id)
    elseif command.group then sends[#sends + 1] = command end
    read_sends[id] = command
  end
  return sends
end

-- Whether this call has room to serve them to n users. A sender has more of them than it may begin when several became due together.
local function can_serve_earlier(from, n)
  if sends_of(from) > MAX_SENDS_PER_SENDER then return false end
  local units = 0
  for _, command in ipairs(earlier_sends(from)) do units = units + n * (3 + math.min(#command.body, SHARED_BYTES) / 200) end
  return work + units <= STEP_WORK
end

-- Earlier sends that have not reached these users yet go first.
local function serve_earlier(from, users, offlineTtl, bound)
  for _, command in ipairs(earlier_sends(from)) do serve_early(command, users, offlineTtl, bound) end
end
