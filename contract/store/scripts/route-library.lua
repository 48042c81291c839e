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

-- removes the keys of a user whose command no longer waits
local function prune_replaces(user)
  local all = redis.call('HGETALL', P .. 'replaces:' .. user)
  for at = 1, #all, 2 do
    local id = all[at + 1]
    local waits = redis.call('ZCOUNT', P .. 'mailbox:' .. user, id, id) == 1 or redis.call('EXISTS', P .. 'scheduled:' .. id) == 1
    if not waits then redis.call('HDEL', P .. 'replaces:' .. user, all[at]) end
  end
  spend(#all / 2)
end

local MAX_REPLACES_KEYS = 1000
local function has_room_for(user, name)
  local key = P .. 'replaces:' .. user
  if redis.call('HLEN', key) < MAX_REPLACES_KEYS or redis.call('HEXISTS', key, name) == 1 then return true end
  -- one call prunes as much as its bound allows: a later one prunes the others
  if work >= STEP_WORK then return redis.call('HLEN', key) < 2 * MAX_REPLACES_KEYS end
  prune_replaces(user)
  return redis.call('HLEN', key) < MAX_REPLACES_KEYS
end

-- the command `id` replaces the one with this key that still waits for this user
local function replace(user, name, id, ttl)
  local key = P .. 'replaces:' .. user
  local old = redis.call('HGET', key, name)
  if old and old ~= id then
    local member = redis.call('ZRANGEBYSCORE', P .. 'mailbox:' .. user, old, old)[1]
    if redis.call('EXISTS', P .. 'scheduled:' .. old) == 1 then mark(old, user, 'replaced')
    elseif member and is_waiting(user, old, string.match(member, '^%["%d+",(%d+)')) then
      local steps = redis.call('HGET', (receipt_key(old)), 'u:' .. user)
      if not (steps and string.find(' ' .. steps, ' written ', 1, true)) then
        take_out(user, { old })
        mark(old, user, 'replaced')
      end
    end
  end
  redis.call('HSET', key, name, id)
  redis.call('EXPIRE', key, int(ttl))
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
        replace(user, options.replaces, id, math.max(offlineTtl, options.ttl or 0) + 86400)
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

-- to every live gateway but one (which has already served its own); returns the number of connected users
local function broadcast(id, rest, body, except)
  local online = 0
  for _, gateway in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(now), '+inf')) do
    online = online + redis.call('SCARD', P .. 'sessions:' .. gateway)
    if gateway ~= except then post(gateway, '["m","' .. id .. '",' .. rest .. ',"*",[]]', body) end
  end
  count('broadcasts')
  return online
end
