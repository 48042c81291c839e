-- Releases due commands: scheduled ones, then sends to groups, oldest first, as much as one call may do.
-- KEYS[1] users
-- ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] bound of a mailbox, `<messages>,<bytes>` · [4] highest message id known to the caller
-- Returns {commands done, ms until the next one is due: 0 when more is due now, -1 for none}
-- A message is delivered with a fresh id (ids order deliveries); the receipt stays that of the command (`m:alias`).
-- Atomic because: a recipient is served once, whichever gateways work at the same time.
local offlineTtl, bound = tonumber(ARGV[2]), bound_of(ARGV[3])
continue_above(ARGV[4])
-- a stored message costs more than a unit: with this many recipients per step the call stays within its bound
local HALF = STEP_WORK / 2

-- how many recipients of this command the rest of the call has room for
local function room(command, budget) return math.max(1, math.floor((budget - work) / (2 + math.min(#command.body, SHARED_BYTES) / 200))) end

-- Each returns whether the command is done.
local function step_of_list(command, budget)
  local to, users = cjson.decode(command.to), {}
  local stop = math.min(#to, command.at + room(command, budget) - 1)
  for i = command.at, stop do users[#users + 1] = to[i] end
  deliver_later(command, users, offlineTtl, bound)
  redis.call('HSET', P .. 'scheduled:' .. command.id, 'at', stop + 1)
  return stop == #to
end

-- Connected members are served first. `sessions` is `<cursor> <gateway> …`: the gateways still to scan, and the SSCAN cursor in the first.
-- Skipped when there are more sessions than members.
local MAX_SCANNED = 500
local function sessions_to_scan(command)
  local gateways, sessions = redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(now), '+inf'), 0
  for _, gateway in ipairs(gateways) do sessions = sessions + redis.call('SCARD', P .. 'sessions:' .. gateway) end
  if #gateways == 0 or sessions > redis.call('ZCARD', (group_keys(command.group))) then return '' end
  return '0 ' .. table.concat(gateways, ' ')
end

-- returns whether there was a gateway to look through
local function step_of_sessions(command, budget)
  local cursor, gateway, others = string.match(command.sessions or sessions_to_scan(command), '^(%d+) (%S+)(.*)$')
  if not cursor then return false end
  local count = math.max(1, math.min(MAX_SCANNED, room(command, budget)))
  local reply = redis.call('SSCAN', P .. 'sessions:' .. gateway, cursor, 'COUNT', int(count))
  serve_early(command, reply[2], offlineTtl, bound)
  local next = reply[1] ~= '0' and reply[1] .. ' ' .. gateway .. others or (others ~= '' and '0' .. others or '')
  redis.call('HSET', P .. 'scheduled:' .. command.id, 'sessions', next)
  return true
end

-- the members who joined within a window of ids, and the former members who were members at acceptance
local function step_of_group(command, budget)
  if step_of_sessions(command, budget) then return false end
  local members, left, sends = group_keys(command.group)
  local max_members = room(command, budget)
  local from, to = '(' .. command.cursor, '(' .. command.id
  local here = redis.call('ZRANGEBYSCORE', members, from, to, 'WITHSCORES', 'LIMIT', 0, max_members)
  local gone = redis.call('ZRANGEBYSCORE', left, from, to, 'WITHSCORES', 'LIMIT', 0, max_members)
  local upper
  for _, list in ipairs({ here, gone }) do
    if #list == max_members * 2 then upper = math.min(upper or math.huge, tonumber(list[#list])) end
  end
  local users = {}
  for at = 1, #here, 2 do
    if not upper or tonumber(here[at + 1]) <= upper then users[#users + 1] = here[at] end
  end
  -- those who left before every pending send are needed no longer
  local oldest, past = tonumber(redis.call('ZRANGE', sends, 0, 0)[1] or command.id), {}
  for at = 1, #gone, 2 do
    local user, leftAt = string.match(gone[at], '^(.*)\n(%d+)$')
    local isMember = tonumber(leftAt) > tonumber(command.id)
    if tonumber(leftAt) < oldest then past[#past + 1] = gone[at]
    elseif isMember and (not upper or tonumber(gone[at + 1]) <= upper) then users[#users + 1] = user end
  end
  if #past > 0 then redis.call('ZREM', left, unpack(past)) end
  spend(#gone / 2)
  local early = P .. 'group_early:' .. command.id
  if #users > 0 and redis.call('EXISTS', early) == 1 then
    local served, later, passed = redis.call('SMISMEMBER', early, unpack(users)), {}, {}
    for at, user in ipairs(users) do
      local list = served[at] == 1 and passed or later
      list[#list + 1] = user
    end
    -- what is left of the set are the members beyond the cursor who are served: they are not counted when it is cancelled
    if #passed > 0 then redis.call('SREM', early, unpack(passed)) end
    spend(#passed)
    users = later
  end
  serve_members(command, users, offlineTtl, bound)
  if upper then redis.call('HSET', P .. 'scheduled:' .. command.id, 'cursor', int(upper)) end
  spend(1)
  return not upper
end

local function step_of_all(command)
  local messageId = nextId()
  if command.hasReceipt then alias(messageId, command.id, command.life) end
  keep_cancellable(command.id, messageId, {}, broadcast(messageId, command.rest, command.body), command.life)
  return true
end

local function step(command, budget)
  if command.group then return step_of_group(command, budget) end
  if command.to == '*' then return step_of_all(command) end
  return step_of_list(command, budget)
end

local done = 0
local function work_off(key, max_score, budget)
  while work < budget do
    local id = redis.call('ZRANGEBYSCORE', P .. key, '-inf', max_score, 'LIMIT', 0, 1)[1]
    if not id then return end
    spend(1)
    local command = command_of(id)
    if command and command.group and key == 'scheduled' then
      redis.call('ZREM', P .. 'scheduled', id)
      redis.call('ZADD', P .. 'group_work', id, id)
      redis.call('ZADD', P .. 'sender_work:' .. command.from, id, id)
    elseif not command or step(command, budget) then
      redis.call('ZREM', P .. key, id)
      if command then end_send(id, command.from, command.group, command.name) end
      done = done + 1
    end
  end
end
work_off('scheduled', int(now), HALF)
-- Does no more work than the largest request, so that other calls run between the steps of a large group.
work_off('group_work', '+inf', math.min(STEP_WORK - 500, work + HALF))
commit()
if redis.call('EXISTS', P .. 'group_work') == 1 then return { done, 0 } end
local next = redis.call('ZRANGE', P .. 'scheduled', 0, 0, 'WITHSCORES')[2]
return { done, next and math.max(0, tonumber(next) - now) or -1 }
