-- KEYS[1] users
-- ARGV[1] prefix · [2] name of this call or '' · then per session: user, epoch, state for the receipts, n, n ids
-- Returns a list: per session how many left the mailbox, or -1 when it is no longer current
-- Atomic because: only the current session deletes, and receipt and mailbox must agree.
local function settle(user, epoch, state, ids)
  -- messages that a session wrote before it handed over count as written, even when the next session has been claimed meanwhile
  local session = redis.call('HMGET', P .. 'user:' .. user, 'epoch', 'form')
  local current = session[1] == epoch
  if not current and not (state == 'written' and owes(user, epoch)) then return -1 end
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

note_call(ARGV[2])
local results, at = {}, 3
while ARGV[at] do
  local ids = {}
  for i = 1, tonumber(ARGV[at + 3]) do ids[i] = ARGV[at + 3 + i] end
  results[#results + 1] = settle(ARGV[at], ARGV[at + 1], ARGV[at + 2], ids)
  at = at + 4 + #ids
end
commit()
return results
