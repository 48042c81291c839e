-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] epoch · [4] only ids above this · [5] limit · [6] `lost` that was reported to the session
--     [7] 1: do not wait for a predecessor
-- Returns 'stale', 'waits' (a predecessor has yet to hand over: a notice follows), or the user's `given` (see release) and
--     members `[head]\\n<body>` in the order of their ids, or 'more'
-- Atomic because: only the current session may read on, and expired and withdrawn messages are removed in the same step.
-- A page ends with the message that reaches its size: many frozen readers must not hold a large page each.
local PAGE_BYTES = 262144
-- A message counts as repeated once this many sessions in a row began with it.
local NOTED_REPEATS, NOTED_USERS, NOTED_SECONDS = 5, 100, 8 * 86400
local user, key, box = ARGV[2], P .. 'user:' .. ARGV[2], P .. 'mailbox:' .. ARGV[2]
if redis.call('HGET', key, 'epoch') ~= ARGV[3] then return 'stale' end
-- once per session, even if the call is repeated
if ARGV[6] ~= '0' and redis.call('HGET', key, 'lost_told_in') ~= ARGV[3] then
  redis.call('HINCRBY', key, 'lost', '-' .. ARGV[6])
  redis.call('HSET', key, 'lost_told_in', ARGV[3])
end
if ARGV[7] == '1' then redis.call('HDEL', key, 'owing')
elseif redis.call('HEXISTS', key, 'owing') == 1 then return 'waits' end
local members, expired, without_body, withdrawn, bytes, after = {}, {}, {}, {}, 0, '(' .. ARGV[4]
local hasWithdrawn = redis.call('EXISTS', P .. 'withdrawn') == 1
local function take(member)
  if hasWithdrawn and redis.call('ZSCORE', P .. 'withdrawn', id_of(member)) then
    withdrawn[#withdrawn + 1] = member
    return
  end
  local at = expires_at(member)
  if at > 0 and at <= now then
    expired[#expired + 1] = member
    return
  end
  local whole = whole_member(member)
  if not whole then
    without_body[#without_body + 1] = member
    return
  end
  members[#members + 1] = whole
  bytes = bytes + #whole
  spend(1, #whole)
end
-- `repeated` of a user is '<id> <sessions>': in how many sessions in a row this was the first message. A message that the client
-- acknowledged, or that was written to a plain client, has left the mailbox by the next session. Counted once per session.
local function note_first(member)
  local was = redis.call('HMGET', key, 'repeated', 'repeated_in', 'form')
  local id, command = string.match(member, '^%["(%d+)",(%d+)')
  if was[2] == ARGV[3] or (was[3] == 'plain' and tonumber(command) >= 2000) then return end
  local past, sessions = string.match(was[1] or '', '^(%d+) (%d+)$')
  sessions = past == id and tonumber(sessions) + 1 or 1
  redis.call('HSET', key, 'repeated', id .. ' ' .. int(sessions), 'repeated_in', ARGV[3])
  if sessions < NOTED_REPEATS then
    if past and past ~= id then redis.call('ZREM', P .. 'repeated', user) end
    return
  end
  count('repeated')
  redis.call('ZADD', P .. 'repeated', int(sessions), user)
  redis.call('ZREMRANGEBYRANK', P .. 'repeated', 0, -1 - NOTED_USERS)
  redis.call('EXPIRE', P .. 'repeated', NOTED_SECONDS)
end
-- in portions: a mailbox is not copied to read the beginning of it
local left, portion = tonumber(ARGV[5]), 8
while left > 0 and bytes < PAGE_BYTES do
  local read = redis.call('ZRANGEBYSCORE', box, after, '+inf', 'LIMIT', 0, math.min(left, portion))
  for _, member in ipairs(read) do
    if bytes < PAGE_BYTES then take(member) end
  end
  if #read < math.min(left, portion) then break end
  left, portion, after = left - #read, portion * 2, '(' .. id_of(read[#read])
end
for _, member in ipairs(expired) do redis.call('ZREM', box, member) end
for _, member in ipairs(without_body) do redis.call('ZREM', box, member) end
for _, member in ipairs(withdrawn) do redis.call('ZREM', box, member) end
forget(user, expired)
forget(user, without_body)
forget(user, withdrawn)
give_up(user, expired, 'expired')
give_up(user, without_body, 'body_lost')
if ARGV[4] == '0' and members[1] then note_first(members[1]) end
commit()
if #members == 0 and #expired + #without_body + #withdrawn > 0 then members[1] = 'more' end
table.insert(members, 1, redis.call('HGET', key, 'given') or '')
return members
