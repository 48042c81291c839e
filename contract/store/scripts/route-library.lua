-- Routing, shared by the route script and the drain of the queue: for one command, who gets it and how, in one atomic
-- step, so that the order of ids is the order per recipient whoever routes.
local function expiry(ttl) return ttl > 0 and int(now + ttl * 1000) or '0' end

local function open_receipt(id, commandId, from, ttl, options)
  local key = P .. 'receipt:' .. id
  redis.call('HSET', key, 'm:accepted_at', int(now), 'm:command_id', commandId, 'm:from', from)
  if options.wait then redis.call('HSET', key, 'm:wait', options.wait, 'm:waiter', options.waiter) end
  redis.call('EXPIRE', key, ttl)
end

-- why a command with conditions is not sent to its one recipient; nil: it is sent
local function refusal_of(options, user, commandId)
  if not (options.wait or options.if_away) then return nil end
  local session = redis.pcall('HMGET', P .. 'user:' .. user, 'gateway', 'form')
  if session.err or (not session[1] and redis.call('EXISTS', P .. 'user:' .. user) == 0) then return 'unknown_user' end
  local form = live(session[1]) and session[2] or nil
  if options.if_away and (not form or (form == 'plain' and tonumber(commandId) >= 2000)) then return 'away' end
  if options.wait == 'reply' and form == 'plain' then return 'cannot_reply' end
  if options.wait == 'acknowledged' and form and form ~= 'ack' then return 'cannot_acknowledge' end
end

-- returns online, stored, and the list of unknown users; `sender`: a client's id, or nil
local function route(id, rest, body, recipients, offlineTtl, bound, sender)
  local receipt = string.find(rest, '^%d+,%d+,%d+,"%a*r') ~= nil
  local application = tonumber(string.match(rest, '^%d+')) >= 2000
  local online, stored, unknown, seen = 0, 0, {}, {}
  local direct, kept, order = {}, {}, {}
  local shared, references = #body > SHARED_BYTES and #recipients > 1, 0
  sender = sender and text(sender)
  local function keep(user)
    if store(user, id, rest, body, bound, sender, shared) then references = references + 1 end
  end
  for _, user in ipairs(recipients) do
    if not seen[user] then
      seen[user] = true
      spend(1)
      -- a key of another type, which others may have written, must not stop whoever routes: nobody known is there
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
        stored, state = stored + 1, 'stored'
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
  return online, stored, unknown
end

-- to every live gateway but one (who has already served its own); returns how many are connected
local function broadcast(id, rest, body, except)
  local online = 0
  for _, gateway in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(now), '+inf')) do
    online = online + redis.call('SCARD', P .. 'sessions:' .. gateway)
    if gateway ~= except then post(gateway, '["m","' .. id .. '",' .. rest .. ',"*",[]]', body) end
  end
  count('broadcasts')
  return online
end
