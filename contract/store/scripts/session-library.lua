-- Epochs and the end of a session: shared by all scripts that begin or end one.
--
-- A failover may lose the last writes, and the clock of the new server may be behind. Gateways therefore pass the highest
-- message id that they know (their estimate of Redis's clock counts as one): ids and epochs continue above it, never below.

-- Returns the highest id in the store before the call, and the highest id known now.
local function known_id(brought)
  local stored = tonumber(redis.call('GET', P .. 'message_id') or '0')
  if brought > stored and brought > now * 1024 then redis.call('SET', P .. 'message_id', int(brought)) end
  return stored, math.max(stored, brought, now * 1024)
end

-- Epochs are milliseconds on the time line of the ids: a claim that a failover has lost was earlier, so its epoch was lower.
local function next_epoch(last, known) return int(math.max(tonumber(last or '0') + 1, math.floor(known / 1024))) end

-- A resumed session has a new epoch, but keeps its age: compared with another session, even one that a failover
-- has lost, the epoch of its verify counts. `since` of a user is '<epoch> <epoch of its verify>'; it is valid for that epoch only.
local function since_of(field, epoch)
  local of, since = string.match(field or '', '^(%d+) (%d+)$')
  return tonumber(of == epoch and since or epoch or '0')
end

-- Ends the session of the gateway `holder`, and notifies it. Returns whether the gateway must hand over messages first.
local function end_session(user, holder, epoch, form, reason)
  local hands_over = false
  if redis.call('ZSCORE', P .. 'gateways', holder) then
    -- undelivered messages of an acknowledging client are in its mailbox already
    hands_over = form ~= 'ack'
    post(holder, '["c",' .. text(user) .. ',' .. epoch .. ',' .. text(reason) .. ',' .. (hands_over and 1 or 0) .. ']', '')
    if hands_over then owe(user, epoch) end
  end
  redis.call('SREM', P .. 'sessions:' .. holder, user)
  event(live(holder) and 'disconnected' or 'lost', user, epoch, holder, reason)
  return hands_over
end
