-- Routing, shared by the route script and the drain of the queue: the recipients of one command and the way to each, in one atomic
-- step, so that the order of ids is the order per recipient, no matter which process routes.
local function expiry(ttl) return ttl > 0 and int(now + ttl * 1000) or '0' end

local function open_receipt(id, commandId, from, ttl, options)
  local key = P .. 'receipt:' .. id
  redis.call('HSET', key, 'm:accepted_at', int(now), 'm:command_id', commandId, 'm:from', from)
  if options.replaces then redis.call('HSET', key, 'm:replaces', options.replaces) end
  if options.members then redis.call('HSET', key, 'm:group', options.group, 'm:members', options.members) end
  if options.wait then redis.call('HSET', key, 'm:wait', options.wait, 'm:waiter', options.waiter) end
  redis.call('EXPIRE', key, ttl)
end

-- the reason to refuse a command for that time (ms of Redis's clock); nil: it is accepted
local MAX_AHEAD_MS, LATE_MS = 30 * 86400 * 1000, 5000
local function time_refusal(dueAt)
  if not dueAt then return nil end
  if dueAt < now - LATE_MS then return 'not_before_past' end
  if dueAt > now + MAX_AHEAD_MS then return 'not_before_far' end
end
-- the reason not to send a command with conditions to its one recipient; nil: it is sent
local function refusal_of(options, user, commandId)
  if not (options.wait or options.if_away) then return nil end
  local session = redis.pcall('HMGET', P .. 'user:' .. user, 'gateway', 'form')
  if session.err or (not session[1] and redis.call('EXISTS', P .. 'user:' .. user) == 0) then return 'unknown_user' end
  local form = live(session[1]) and session[2] or nil
  if options.if_away and (not form or (form == 'plain' and tonumber(commandId) >= 2000)) then return 'away' end
  -- a scheduled command is checked when it is due
  if options.not_before then return nil end
  if options.wait == 'reply' and form == 'plain' then return 'cannot_reply' end
  if options.wait == 'acknowledged' and form and form ~= 'ack' then return 'cannot_acknowledge' end
end

-- removes those of these keys (name, id, name, id …) of a user whose command no longer waits
local function prune_replaces(user, all)
  for at = 1, #all, 2 do
    local id = all[at + 1]
    local waits = redis.call('ZCOUNT', P .. 'mailbox:' .. user, id, id) == 1 or redis.call('EXISTS', P .. 'scheduled:' .. id) == 1
    if not waits then redis.call('HDEL', P .. 'replaces:' .. user, all[at]) end
  end
  spend(#all / 2)
end

local MAX_REPLACES_KEYS, PRUNED_AT_ONCE = 1000, 16
local function has_room_for(user, name)
  local key = P .. 'replaces:' .. user
  if redis.call('HLEN', key) < MAX_REPLACES_KEYS or redis.call('HEXISTS', key, name) == 1 then return true end
  -- one call prunes as much as its bound allows: a later one prunes the others
  if work >= STEP_WORK then return redis.call('HLEN', key) < 2 * MAX_REPLACES_KEYS end
  prune_replaces(user, redis.call('HGETALL', key))
  return redis.call('HLEN', key) < MAX_REPLACES_KEYS
end

-- A send to a group is not refused for the keys of one member: some are pruned, and if nearly all of them wait, one is given up
local function make_room_for_key(user, key)
  if redis.call('HLEN', key) < MAX_REPLACES_KEYS then return end
  if work < STEP_WORK then prune_replaces(user, redis.call('HRANDFIELD', key, PRUNED_AT_ONCE, 'WITHVALUES')) end
  if redis.call('HLEN', key) >= 2 * MAX_REPLACES_KEYS then redis.call('HDEL', key, redis.call('HRANDFIELD', key)) end
end

-- `replaced:<id>`: per user the command that this one has replaced, `<id> <its mailbox member, or ''>`. A request that may be withdrawn
-- keeps it for `seconds`, as far as the bound of the call allows: enough for small messages to 1,000 users
local KEEP_WORK = 1.5 * STEP_WORK
local function keep_replaced(id, user, old, member, seconds)
  if not seconds or work >= KEEP_WORK then return end
  local kept = old .. ' ' .. (member and whole_member(member) or '')
  redis.call('HSET', P .. 'replaced:' .. id, user, kept)
  redis.call('EXPIRE', P .. 'replaced:' .. id, int(seconds))
  spend(1, #kept)
end

-- the mailbox member of a message that waits for this user and has not been written
local function waiting_member(user, id)
  local member = redis.pcall('ZRANGEBYSCORE', P .. 'mailbox:' .. user, id, id)[1]
  if not member or not is_waiting(user, id, string.match(member, '^%["%d+",(%d+)')) then return nil end
  return not has_state(id, user, 'written') and member or nil
end

-- the message `id` replaces the one with the same key (`options.replaces`) that still waits for this user
local function replace(user, options, id, ttl)
  local key, name = P .. 'replaces:' .. user, options.replaces
  local old = redis.call('HGET', key, name)
  if not old then make_room_for_key(user, key)
  -- a command that is released later than it was accepted does not replace itself
  elseif old ~= id and old ~= options.command then
    local isScheduled = redis.call('EXISTS', P .. 'scheduled:' .. old) == 1
    local member = not isScheduled and waiting_member(user, old)
    keep_replaced(id, user, old, member, options.undo_seconds)
    if member then take_out(user, { old }) end
    if isScheduled or member then mark(old, user, 'replaced') end
  end
  redis.call('HSET', key, name, id)
  -- a command that waits longer may have lengthened it
  if redis.call('TTL', key) < ttl then redis.call('EXPIRE', key, int(ttl)) end
  spend(1)
end

-- `cancellable:<command>`: its stored recipients, per message id (`n:<id>`, JSON), and the number for whom it was too late (`late`)
local CANCELLABLE_SECONDS = 120
local function keep_cancellable(command, id, users, late, life)
  local key = P .. 'cancellable:' .. command
  if #users > 0 then redis.call('HSET', key, 'n:' .. id, cjson.encode(users)) end
  if id == command and #users == 0 then
    redis.call('HSET', key, 'late', late)
    redis.call('EXPIRE', key, CANCELLABLE_SECONDS)
    return
  end
  redis.call('HINCRBY', key, 'late', late)
  -- a command that is already on its way cannot be cancelled: it is only known for a while
  if #users > 0 or redis.call('TTL', key) < CANCELLABLE_SECONDS then
    redis.call('EXPIRE', key, #users > 0 and int(life) or CANCELLABLE_SECONDS)
  end
end

-- returns online, stored, the list of unknown users, and the list of users for whom it was stored
-- `sender`: a client's id, or nil · `options`: of the command, or nil
local function route(id, rest, body, recipients, offlineTtl, bound, sender, options)
  local receipt = string.find(rest, '^%d+,%d+,%d+,"%a*r') ~= nil
  local application = tonumber(string.match(rest, '^%d+')) >= 2000
  local online, stored, unknown, seen = 0, 0, {}, {}
  local direct, kept, order, waiting = {}, {}, {}, {}
  local shared, references = #body > SHARED_BYTES and #recipients > 1, 0
  sender = sender and text(sender)
  local function keep(user)
    if store(user, id, rest, body, bound, sender, shared) then references = references + 1 end
  end
  for _, user in ipairs(recipients) do
    if not seen[user] then
      seen[user] = true
      spend(1)
      -- a key of another type, written by another program, must not stop routing: it counts as an unknown user
      local session = redis.pcall('HMGET', P .. 'user:' .. user, 'gateway', 'epoch', 'form')
      local gateway, epoch, form = session[1], session[2], session[3]
      local state, reason
      if live(gateway) and not (application and form == 'plain') then
        if not direct[gateway] then
          direct[gateway], kept[gateway] = {}, {}
          order[#order + 1] = gateway
        end
        local list = form == 'ack' and kept[gateway] or direct[gateway]
        if form == 'ack' then keep(user) end
        list[#list + 1] = text(user) .. ',' .. epoch
        online, state = online + 1, 'routed'
      elseif session.err or (not epoch and redis.call('EXISTS', P .. 'user:' .. user) == 0) then
        unknown[#unknown + 1], state, reason = user, 'failed', 'unknown_user'
      elseif offlineTtl == 0 and not live(gateway) then
        state, reason = 'failed', 'offline'
        count('dropped')
      else
        keep(user)
        waiting[#waiting + 1] = user
        stored, state = stored + 1, 'stored'
      end
      if options and options.replaces and state ~= 'failed' then
        replace(user, options, id, math.max(offlineTtl, options.ttl or 0) + 86400)
      end
      if receipt then mark(id, user, state, reason) end
    end
  end
  if shared then share_body(id, body, references, offlineTtl) end
  local head = '["m","' .. id .. '",' .. rest
  for _, gateway in ipairs(order) do
    post(gateway, head .. ',[' .. table.concat(direct[gateway], ',') .. '],[' .. table.concat(kept[gateway], ',') .. ']]', body)
  end
  count('routed', online)
  count('stored', stored)
  return online, stored, unknown, waiting
end

-- to every live gateway but one, which has already served its own: `direct` are the items of the record that say so. Or to all.
-- Returns the number of connected users
local function broadcast(id, rest, body, except, direct)
  local online = 0
  for _, gateway in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(now), '+inf')) do
    online = online + redis.call('SCARD', P .. 'sessions:' .. gateway)
    if gateway ~= except then post(gateway, '["m","' .. id .. '",' .. rest .. ',"*",[]' .. (direct and ',' .. direct or '') .. ']', body) end
  end
  count('broadcasts')
  return online
end
