-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · [6] user · [7] message id
-- Returns 'dropped', 'no_user', 'no_message' or 'late'
-- Atomic because: the message leaves the mailbox, its receipt and the audit record that, or nothing happens.
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
local by, user, id = ARGV[5], ARGV[6], ARGV[7]
if redis.call('EXISTS', P .. 'user:' .. user) == 0 then return 'no_user' end
if not take_out(user, { id })[id] then return 'no_message' end
mark(id, user, 'cancelled')
count('cancelled')
audit(tonumber(ARGV[4]), by, 'drop_message', 'target', user, 'message', id)
commit()
return answered(ARGV[3], 'dropped')
