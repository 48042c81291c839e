-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] name of this call · [4] id or '0' · [5] flags · [6] 1: it is in the mailbox
-- Returns the number of messages that were dropped: 0 when this one is gone already
-- Atomic because: the message leaves the mailbox and is counted as lost in one step, once, even if the call is repeated.
local user, id = ARGV[2], ARGV[4]
note_call(ARGV[3])
if not first(ARGV[3]) then return 0 end
local members = { '["' .. id .. '",0,0,0,"' .. ARGV[5] .. '",""]\n' }
if ARGV[6] == '1' then members = { take_out(user, { id })[id] } end
give_up(user, members, 'too_large')
commit()
return #members
