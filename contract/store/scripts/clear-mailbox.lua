-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · [6] user · [7] no message above this id, or ''
-- Returns {the highest id to clear, deleted, 1 when there are more: call again with that id}, {} for an unknown user, or 'late'
-- Receipts end as cancelled; what is deleted does not count as lost. What comes meanwhile stays.
-- Atomic because: each message leaves the mailbox and its receipt records that, or neither happens.
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
local user, upTo = ARGV[6], ARGV[7]
if redis.call('EXISTS', P .. 'user:' .. user) == 0 then return {} end
if upTo == '' then
  upTo = int(tonumber(redis.call('ZRANGE', P .. 'mailbox:' .. user, -1, -1, 'WITHSCORES')[2] or '0'))
  audit(tonumber(ARGV[4]), ARGV[5], 'mailbox_cleared', 'target', user)
end
local deleted, isMore = clear_mailbox(user, upTo)
commit()
return answered(ARGV[3], { upTo, deleted, isMore and 1 or 0 })
