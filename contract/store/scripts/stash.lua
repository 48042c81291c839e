-- KEYS[1] users
-- ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] mailbox bound · [4] name of this call, for messages without an id
--     then per message: user, id or '0', rest of its head, body
-- Returns how many
-- Atomic because: the mailbox is written before the user's session, wherever it is now, is told to look.
local n, again = 0, nil
for at = 5, #ARGV, 4 do
  local id = ARGV[at + 1]
  if id == '0' and again == nil then again = not first(ARGV[4]) end
  if id ~= '0' or not again then
    stash(ARGV[at], id, ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[2]), tonumber(ARGV[3]))
    n = n + 1
  end
end
commit()
return n
