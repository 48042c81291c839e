-- Trimming of one mailbox: at every claim, and by the sweep for users who do not come back.
-- what is too old, or past its own ttl, is given up before it is promised
local function trim(user, expiring, offlineTtl)
  local box = P .. 'mailbox:' .. user
  local before = '(' .. int((now - offlineTtl * 1000) * 1024)
  local old = redis.call('ZRANGEBYSCORE', box, '-inf', before)
  if #old > 0 then
    redis.call('ZREMRANGEBYSCORE', box, '-inf', before)
    give_up(user, old, 'expired')
  end
  if not expiring then return end
  local expired, rest = {}, false
  for _, member in ipairs(redis.call('ZRANGE', box, 0, -1)) do
    local at = tonumber(string.match(member, '^%["%d+",%d+,%d+,(%d+)'))
    if at > 0 and at <= now then expired[#expired + 1] = member end
    rest = rest or at > now
  end
  for _, member in ipairs(expired) do redis.call('ZREM', box, member) end
  give_up(user, expired, 'expired')
  if not rest then redis.call('HDEL', P .. 'user:' .. user, 'expiring') end
end
