-- KEYS[1] users
-- ARGV[1] prefix · [2] idempotency key name of the request · [3] bound of the audit stream, 0: none is kept · [4] its sender
--     then per command, in the order of the request: n, n recipients
-- Returns the number of revoked messages: 0 when the request had not been carried out, and then it never is
-- Atomic because: a request is refused before the route script reads its key, or all of it is revoked.
-- For so long gateways do not deliver revoked messages.
local WITHDRAWN_SECONDS = 3600
local name, withdrawn = P .. ARGV[2], P .. 'withdrawn'
local past = redis.call('GET', name)
redis.call('SET', name, 'withdrawn - ', 'EX', WITHDRAWN_SECONDS)
local answers = past and string.match(past, '^%- %S* (.*)$')
if not answers then return 0 end
local taken, at = 0, 5
for id in string.gmatch(answers, '(%d+),%d+,%d+,%d+') do
  local n = tonumber(ARGV[at])
  for i = at + 1, at + n do take_out(ARGV[i], { id }) end
  at = at + 1 + n
  -- commands that were accepted for later, or for a group
  local later, stored = P .. 'scheduled:' .. id, P .. 'cancellable:' .. id
  local generation = redis.call('HGET', later, 'group')
  if generation then redis.call('ZREM', P .. 'group_sends:' .. generation, id) end
  redis.call('DEL', later)
  if n == 0 then
    local lists = redis.call('HGETALL', stored)
    for i = 1, #lists, 2 do
      local messageId = string.match(lists[i], '^n:(%d+)$')
      for _, user in ipairs(messageId and cjson.decode(lists[i + 1]) or {}) do take_out(user, { messageId }) end
    end
  end
  redis.call('DEL', P .. 'receipt:' .. id, stored)
  redis.call('ZADD', withdrawn, id, id)
  audit(tonumber(ARGV[3]), ARGV[4], 'withdraw', 'message', id)
  taken = taken + 1
end
redis.call('ZREMRANGEBYSCORE', withdrawn, '-inf', int((now - WITHDRAWN_SECONDS * 1000) * 1024))
redis.call('EXPIRE', withdrawn, WITHDRAWN_SECONDS)
return taken
