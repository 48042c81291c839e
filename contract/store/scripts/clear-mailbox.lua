-- KEYS[1] users
-- ARGV[1] prefix · [2] bound of the audit stream, 0: none is kept · [3] who asks · [4] user · [5] no message above this id, or ''
-- Returns {the highest id to clear, deleted, 1 when there are more: call again with that id}, or {} for an unknown user
-- Receipts end as cancelled; what is deleted does not count as lost. What comes meanwhile stays.
-- Atomic because: each message leaves the mailbox and its receipt records that, or neither happens.
local user, upTo = ARGV[4], ARGV[5]
if redis.call('EXISTS', P .. 'user:' .. user) == 0 then return {} end
if upTo == '' then
  upTo = int(tonumber(redis.call('ZRANGE', P .. 'mailbox:' .. user, -1, -1, 'WITHSCORES')[2] or '0'))
  audit(tonumber(ARGV[2]), ARGV[3], 'mailbox_cleared', 'target', user)
end
local deleted, isMore = clear_mailbox(user, upTo)
commit()
return { upTo, deleted, isMore and 1 or 0 }
