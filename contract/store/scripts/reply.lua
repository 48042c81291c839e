-- Replies of clients to messages that asked for one.
-- KEYS[1] users
-- ARGV[1] prefix · then per reply: id of the ask, user, reply (JSON text)
-- Returns how many counted: the first reply of an asked user, while the ask is open
-- Atomic because: of two replies one counts, and the receipt has it before waiting callers are notified.
local FINISHED = { 'replied', 'expired', 'failed', 'replaced', 'cancelled' }
local function is_open(steps)
  for _, state in ipairs(FINISHED) do
    if string.find(' ' .. steps, ' ' .. state .. ' ', 1, true) then return false end
  end
  return true
end

local counted = 0
for at = 2, #ARGV, 3 do
  local id, user, reply = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local key, command = receipt_key(id)
  spend(1, #reply)
  local was = redis.call('HMGET', key, 'm:wait', 'u:' .. user)
  if was[1] == 'reply' and was[2] and is_open(was[2]) then
    mark(command, user, 'replied', nil, reply)
    counted = counted + 1
  end
end
count('replied', counted)
commit()
return counted
