-- Commands with a time. `scheduled`: a sorted set of command ids, score = due time (ms of Redis's clock).
-- `scheduled:<id>`: the command, as a hash: `head` (a JSON list: command_id, version, flags, traceparent, from), `body`, `to` (a JSON
-- list, or '*' for everyone), `at` (the first recipient that has yet to be served), `due`, `ttl`, `replaces`, `life`.

-- Returns the number of users for whom it is scheduled, and the list of unknown ones.
local function schedule(id, parts, recipients, isForAll, options, life)
  local commandId, version, flags, traceparent, from, body = unpack(parts)
  local known, unknown, seen = {}, {}, {}
  for _, user in ipairs(recipients) do
    if not seen[user] then
      seen[user] = true
      spend(1)
      local isKnown = redis.call('EXISTS', P .. 'user:' .. user) == 1
      if isKnown then known[#known + 1] = user else unknown[#unknown + 1] = user end
      mark(id, user, isKnown and 'scheduled' or 'failed', not isKnown and 'unknown_user' or nil)
      if isKnown and options.replaces then replace(user, options, id, life + 86400) end
    end
  end
  if not isForAll and #known == 0 then return 0, unknown end
  redis.call('HSET', P .. 'scheduled:' .. id, 'head', cjson.encode({ commandId, version, flags, traceparent, from }), 'body', body,
    'to', isForAll and '*' or cjson.encode(known), 'at', 1, 'due', int(options.not_before), 'ttl', int(options.ttl),
    'replaces', options.replaces or '', 'life', int(life))
  redis.call('ZADD', P .. 'scheduled', int(options.not_before), id)
  spend(0, #body)
  return #known, unknown
end

-- A send to a group that is delivered in steps later, like a scheduled command: `group` (its generation), `name`, `cursor` (members who
-- joined up to this id are served), `members` (at acceptance), `served` (how many of them). `group_work`: a sorted set of such commands,
-- processed in the order of their ids.
-- `sender_work:<sender>`: those of one sender. `group_early:<id>`: members who were served ahead of their turn.
local MAX_SENDS_PER_SENDER = 4

-- the number of sends of this sender that are being delivered. An older version may have left entries of some that are gone
local function sends_of(from)
  local key = P .. 'sender_work:' .. from
  local size = redis.call('ZCARD', key)
  if size < MAX_SENDS_PER_SENDER then return size end
  for _, id in ipairs(redis.call('ZRANGE', key, 0, MAX_SENDS_PER_SENDER)) do
    if redis.call('EXISTS', P .. 'scheduled:' .. id) == 0 then redis.call('ZREM', key, id) end
  end
  return redis.call('ZCARD', key)
end
local function is_busy(from) return sends_of(from) >= MAX_SENDS_PER_SENDER end
local function has_work(from) return redis.call('EXISTS', P .. 'sender_work:' .. from) == 1 end

local function keep_for_later(id, parts, to, options, life)
  local commandId, version, flags, traceparent, from, body = unpack(parts)
  local due = options.not_before or now
  redis.call('HSET', P .. 'scheduled:' .. id, 'head', cjson.encode({ commandId, version, flags, traceparent, from }), 'body', body,
    'to', '*', 'at', 1, 'due', int(due), 'ttl', int(options.ttl), 'replaces', options.replaces or '', 'life', int(life))
  if to then
    redis.call('HSET', P .. 'scheduled:' .. id, 'group', to.generation, 'name', to.name, 'cursor', '0', 'members', options.members)
    redis.call('ZADD', P .. 'group_sends:' .. to.generation, id, id)
  end
  if due > now then redis.call('ZADD', P .. 'scheduled', int(due), id)
  else
    redis.call('ZADD', P .. 'group_work', id, id)
    redis.call('ZADD', P .. 'sender_work:' .. from, id, id)
  end
  spend(0, #body)
end
