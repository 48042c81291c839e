-- KEYS[1] users
-- ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] bound of a mailbox, `<messages>,<bytes>` · [4] name of this call
--     [5] highest message id known to the caller, then per message: id or '0', rest of its head, body, n, n users
-- Returns the number of mailboxes that were checked, 0 for a repeated call
-- Atomic because: the mailbox is written before the user's current session, on any gateway, is notified of it.
local offlineTtl, bound = tonumber(ARGV[2]), bound_of(ARGV[3])
continue_above(ARGV[5])
note_call(ARGV[4])
if not first(ARGV[4]) then return 0 end
local looked, at = 0, 6
while ARGV[at] do
  local id, rest, body, n = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local shared, references = id ~= '0' and n > 1 and #body > SHARED_BYTES, 0
  for i = at + 4, at + 3 + n do
    if stash(ARGV[i], id, rest, body, offlineTtl, bound, shared) then references = references + 1 end
  end
  if shared then share_body(id, body, references, offlineTtl) end
  looked = looked + n
  at = at + 4 + n
end
commit()
return looked
