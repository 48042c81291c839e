-- Another function instance waits for a command, because its call was repeated there.
-- KEYS[1] users
-- ARGV[1] prefix · [2] id · [3] instance
-- Returns 1, or 0 when there is no receipt any more
-- Atomic because: two instances that join at the same time are both notified.
local MAX_INSTANCES = 4
local key = P .. 'receipt:' .. ARGV[2]
local waiters = redis.call('HGET', key, 'm:waiter')
if not waiters then return 0 end
local kept, all = 1, { ARGV[3] }
for instance in string.gmatch(waiters, '%S+') do
  if instance ~= ARGV[3] and kept < MAX_INSTANCES then
    kept = kept + 1
    all[kept] = instance
  end
end
redis.call('HSET', key, 'm:waiter', table.concat(all, ' '))
return 1
