-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] only messages above this id · [4] limit
-- Returns {messages in the mailbox, heads: per message {id, command id, expiry ms}, 1 when there are more}, or {} for an unknown user
-- Only the heads of messages leave Redis. A page of large messages may be short.
local user, after, limit = ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('EXISTS', P .. 'user:' .. user) == 0 then return {} end
local box, PORTION = P .. 'mailbox:' .. user, 8
local heads, isMore = {}, true
while isMore and #heads < limit and work < STEP_WORK / 2 do
  local members = redis.call('ZRANGEBYSCORE', box, '(' .. after, '+inf', 'LIMIT', 0, math.min(PORTION, limit - #heads))
  for _, member in ipairs(members) do
    spend(1, #member)
    heads[#heads + 1] = { string.match(member, '^%["(%d+)",(%d+),%d+,(%d+)') }
  end
  isMore = #members > 0
  after = isMore and heads[#heads][1] or after
end
return { redis.call('ZCARD', box), heads, redis.call('ZCOUNT', box, '(' .. after, '+inf') > 0 and 1 or 0 }
