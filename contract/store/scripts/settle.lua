-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] epoch · [4] state for the receipts · then ids
-- Returns how many left the mailbox, or -1 when the session is no longer current
-- Atomic because: only the current session deletes, and receipt and mailbox must agree.
local user = ARGV[2]
-- messages that a session wrote before it handed over count as written, even when the next session has been claimed meanwhile
local session = redis.call('HMGET', P .. 'user:' .. user, 'epoch', 'form')
local current = session[1] == ARGV[3]
if not current and not (ARGV[4] == 'written' and owes(user, ARGV[3])) then return -1 end
local ids = {}
for at = 5, #ARGV do ids[#ids + 1] = ARGV[at] end
local members, removed = take_out(user, ids)
for _, id in ipairs(ids) do
  -- ids are guessable: nobody writes into the receipt of a message that was not for them
  if members[id] or redis.call('HEXISTS', (receipt_key(id)), 'u:' .. user) == 1 then
    -- a caller waits for a reply or an acknowledgement: the session's form tells whether the client can send it
    local isAwaited = current and members[id] and string.find(members[id], '^%["%d+",%d+,%d+,%d+,"%a*[ak]')
    mark(id, user, ARGV[4], ARGV[4] == 'written' and isAwaited and session[2] or nil)
  end
end
count(ARGV[4], removed)
commit()
return removed
