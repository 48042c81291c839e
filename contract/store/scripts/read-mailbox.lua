-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] epoch · [4] only ids above this · [5] most · [6] `lost` that the session has been told
--     [7] 1: wait for no predecessor any more
-- Returns 'stale', 'waits' (a predecessor has yet to hand over: a poke will tell), or members `[head]\\n<body>` in the order of their ids
-- Atomic because: only the current session may read on, and what has expired meanwhile leaves in the same step.
-- A page ends with the message that reaches it: many frozen readers must not hold a large page each.
local PAGE_BYTES = 262144
local user, key, box = ARGV[2], P .. 'user:' .. ARGV[2], P .. 'mailbox:' .. ARGV[2]
if redis.call('HGET', key, 'epoch') ~= ARGV[3] then return 'stale' end
-- once per session, should the same be asked twice
if ARGV[6] ~= '0' and redis.call('HGET', key, 'lost_told_in') ~= ARGV[3] then
  redis.call('HINCRBY', key, 'lost', '-' .. ARGV[6])
  redis.call('HSET', key, 'lost_told_in', ARGV[3])
end
if ARGV[7] == '1' then redis.call('HDEL', key, 'owing')
elseif redis.call('HEXISTS', key, 'owing') == 1 then return 'waits' end
local members, expired, bytes = {}, {}, 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', box, '(' .. ARGV[4], '+inf', 'LIMIT', 0, tonumber(ARGV[5]))) do
  local at = tonumber(string.match(member, '^%["%d+",%d+,%d+,(%d+)'))
  if at > 0 and at <= now then
    redis.call('ZREM', box, member)
    expired[#expired + 1] = member
  elseif bytes < PAGE_BYTES then
    members[#members + 1] = member
    bytes = bytes + #member
  else break end
end
give_up(user, expired, 'expired')
commit()
if #members == 0 and #expired > 0 then members[1] = 'more' end
return members
