-- KEYS[1] users
-- ARGV[1] prefix · [2] bound of the audit stream, 0: none is kept · [3] who asks · [4] user · [5] message id
-- Returns 'dropped', 'no_user' or 'no_message'
-- Atomic because: the message leaves the mailbox, its receipt and the audit record that, or nothing happens.
local by, user, id = ARGV[3], ARGV[4], ARGV[5]
if redis.call('EXISTS', P .. 'user:' .. user) == 0 then return 'no_user' end
if not take_out(user, { id })[id] then return 'no_message' end
mark(id, user, 'cancelled')
count('cancelled')
audit(tonumber(ARGV[2]), by, 'drop_message', 'target', user, 'message', id)
commit()
return 'dropped'
