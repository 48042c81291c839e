-- Epochs and the end of a session: shared by whatever begins or ends one.
--
-- A failover may forget the last writes, and the clock of the new server may be behind. Gateways therefore bring the highest
-- message id that they know of (their estimate of Redis's clock counts as one): ids and epochs go on above it, never back.

-- Returns the highest id that the store had, and the highest that is known now.
local function known_id(brought)
  local stored = tonumber(redis.call('GET', P .. 'message_id') or '0')
  if brought > stored and brought > now * 1024 then redis.call('SET', P .. 'message_id', int(brought)) end
  return stored, math.max(stored, brought, now * 1024)
end

-- Epochs are milliseconds on the time line of the ids: a claim that a failover has forgotten was earlier, so its epoch was lower.
local function next_epoch(last, known) return int(math.max(tonumber(last or '0') + 1, math.floor(known / 1024))) end

-- A session that is resumed has a new epoch, and is as old as ever: what counts against another session, also one that a failover
-- has forgotten, is the epoch of its verify. `since` of a user is 'epoch that of its verify'; for any other epoch it says nothing.
local function since_of(field, epoch)
  local of, since = string.match(field or '', '^(%d+) (%d+)$')
  return tonumber(of == epoch and since or epoch or '0')
end

-- Ends the session that `holder` has, and tells that gateway. Returns whether it has messages that it must hand over first.
local function end_session(user, holder, epoch, form, reason)
  local hands_over = false
  if redis.call('ZSCORE', P .. 'gateways', holder) then
    -- what an acknowledging client has not got is in its mailbox already
    hands_over = form ~= 'ack'
    post(holder, '["c",' .. text(user) .. ',' .. epoch .. ',' .. text(reason) .. ',' .. (hands_over and 1 or 0) .. ']', '')
    if hands_over then owe(user, epoch) end
  end
  redis.call('SREM', P .. 'sessions:' .. holder, user)
  event(live(holder) and 'disconnected' or 'lost', user, epoch, holder, reason)
  return hands_over
end
