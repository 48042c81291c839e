-- Cancels the messages of commands that have not been written yet: scheduled ones, and those in mailboxes.
-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · then command ids
-- Returns {'done' | 'more', found, cancelled, too late}: after 'more' call again, counts add up; found: how many commands are known;
--     or 'late'
-- Atomic because: a message is cancelled or delivered, never both.
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
local found, cancelled, late, more = 0, 0, 0, false

-- members of a group who have not been served yet
local function cancel_group(id, generation, cursor, accepted, served)
  local members, left = group_keys(generation)
  local range = { '(' .. cursor, '(' .. id }
  -- a send that an older version accepted is without these numbers
  local n = accepted and tonumber(accepted) - tonumber(served or '0')
    or redis.call('ZCOUNT', members, range[1], range[2]) + redis.call('ZCOUNT', left, range[1], range[2])
      - redis.call('SCARD', P .. 'group_early:' .. id)
  cancelled = cancelled + n
  if redis.call('EXISTS', P .. 'receipt:' .. id) == 1 then redis.call('HINCRBY', P .. 'receipt:' .. id, 'c:cancelled', n) end
end

local function cancel_scheduled(id, key)
  local was = redis.call('HMGET', key, 'to', 'at', 'replaces', 'group', 'name', 'cursor', 'head', 'members', 'served')
  local users = was[1] == '*' and {} or cjson.decode(was[1])
  for i = tonumber(was[2]), #users do
    if not is_superseded(users[i], was[3], id) then
      mark(id, users[i], 'cancelled')
      cancelled = cancelled + 1
    end
  end
  if was[4] then cancel_group(id, was[4], was[6], was[8], was[9])
  elseif was[1] == '*' then cancelled = cancelled + 1 end
  spend(#users)
  end_send(id, cjson.decode(was[7])[5], was[4], was[5])
  -- a repeated call finds the command again
  if redis.call('EXISTS', P .. 'cancellable:' .. id) == 0 then
    redis.call('HSET', P .. 'cancellable:' .. id, 'late', 0)
    redis.call('EXPIRE', P .. 'cancellable:' .. id, 86400)
  end
end

-- as many as the call has room for; returns the users that are left
local function cancel_stored_message(messageId, users)
  local left, tooLate = {}, 0
  for _, user in ipairs(users) do
    if work >= STEP_WORK then left[#left + 1] = user
    else
      local member = redis.call('ZRANGEBYSCORE', P .. 'mailbox:' .. user, messageId, messageId)[1]
      spend(1, member and #member)
      if member and is_waiting(user, messageId, string.match(member, '^%["%d+",(%d+)')) then
        take_out(user, { messageId })
        mark(messageId, user, 'cancelled')
        cancelled = cancelled + 1
      else tooLate = tooLate + 1 end
    end
  end
  return left, tooLate
end

local function cancel_stored(id, key)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local messageId = string.match(field, '^n:(%d+)$')
    if messageId and work >= STEP_WORK then more = true
    elseif messageId then
      local left, tooLate = cancel_stored_message(messageId, cjson.decode(redis.call('HGET', key, field)))
      if #left > 0 then
        more = true
        redis.call('HSET', key, field, cjson.encode(left))
      else redis.call('HDEL', key, field) end
      if tooLate > 0 then redis.call('HINCRBY', key, 'late', tooLate) end
    end
  end
  if not more then late = late + tonumber(redis.call('HGET', key, 'late') or '0') end
end

for at = 6, #ARGV do
  local id = ARGV[at]
  local scheduled, stored = P .. 'scheduled:' .. id, P .. 'cancellable:' .. id
  local isScheduled, isStored = redis.call('EXISTS', scheduled) == 1, redis.call('EXISTS', stored) == 1
  if isScheduled or isStored then
    found = found + 1
    local before = cancelled
    if isScheduled then cancel_scheduled(id, scheduled) end
    if isStored then cancel_stored(id, stored) end
    if cancelled > before then audit(tonumber(ARGV[4]), ARGV[5], 'cancel', 'message', id, 'recipients', int(cancelled - before)) end
  end
end
count('cancelled', cancelled)
commit()
return answered(ARGV[3], { more and 'more' or 'done', found, cancelled, late })
