-- What becomes of messages: steps for their receipts, replies of clients, and messages that leave a mailbox.
-- KEYS[1] users
-- ARGV[1] prefix · [2] name of this call or '' · then per item, in the order in which it happened, its kind and
--     'mark': message id, user, state, reason or ''
--     'reply': id of the ask, user, reply (JSON text)
--     'settle': user, epoch, state for the receipts, n, n ids
-- Returns a list, per item: of a mark 1; of a reply 1 when it counted (the first of an asked user, while the ask is open), else 0;
--     of a settlement how many messages left the mailbox, or -1 when the session is no longer current
-- Atomic because: only the current session deletes, receipt and mailbox must agree, and of two replies one counts: the receipt
-- has it before waiting callers are notified.

-- The client acknowledged, and then another session took over before this call. What is in the mailbox stays there, for that session.
-- A broadcast is in no mailbox: its receipt would never have the acknowledgement
local function acknowledge_after_end(user, ids)
  for _, id in ipairs(ids) do
    spend(1)
    local waits = redis.call('ZCOUNT', P .. 'mailbox:' .. user, id, id) > 0
    if not waits and redis.call('HEXISTS', (receipt_key(id)), 'u:' .. user) == 1 then mark(id, user, 'acknowledged') end
  end
end

local function settle(user, epoch, state, ids)
  -- messages that a session wrote before it handed over count as written, even when the next session has been claimed meanwhile
  local session = redis.call('HMGET', P .. 'user:' .. user, 'epoch', 'form')
  local current = session[1] == epoch
  if not current and not (state == 'written' and owes(user, epoch)) then
    if state == 'acknowledged' then acknowledge_after_end(user, ids) end
    return -1
  end
  local members, removed = take_out(user, ids)
  for _, id in ipairs(ids) do
    local member = members[id]
    local flags = member and string.match(member, '^%["%d+",%d+,%d+,%d+,"(%a*)"')
    -- ids are guessable: nobody writes into the receipt of a message that was not for them
    if flags and string.find(flags, 'r', 1, true) or not member and redis.call('HEXISTS', (receipt_key(id)), 'u:' .. user) == 1 then
      -- a caller waits for a reply or an acknowledgement: the session's form shows whether the client can send it
      local isAwaited = current and flags and string.find(flags, '[ak]')
      mark(id, user, state, state == 'written' and isAwaited and session[2] or nil)
    end
  end
  count(state, removed)
  return removed
end

local FINISHED = { 'replied', 'expired', 'failed', 'replaced', 'cancelled' }
local function is_open(steps)
  for _, state in ipairs(FINISHED) do
    if string.find(' ' .. steps, ' ' .. state .. ' ', 1, true) then return false end
  end
  return true
end
local function reply(id, user, text_)
  local key, command = receipt_key(id)
  spend(1, #text_)
  local was = redis.call('HMGET', key, 'm:wait', 'u:' .. user)
  if was[1] ~= 'reply' or not was[2] or not is_open(was[2]) then return 0 end
  mark(command, user, 'replied', nil, text_)
  count('replied')
  return 1
end

note_call(ARGV[2])
local results, at = {}, 3
while ARGV[at] do
  local kind, result = ARGV[at], 1
  if kind == 'settle' then
    local ids = {}
    for i = 1, tonumber(ARGV[at + 4]) do ids[i] = ARGV[at + 4 + i] end
    result = settle(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ids)
    at = at + 5 + #ids
  elseif kind == 'reply' then
    result = reply(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
    at = at + 4
  else
    local reason = ARGV[at + 4]
    spend(1)
    mark(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], reason ~= '' and reason or nil)
    at = at + 5
  end
  results[#results + 1] = result
end
commit()
return results
