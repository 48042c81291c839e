-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · then records as stored in `inbox_unread`
-- Returns how many were moved into the gateway's inbox
-- Atomic because: a record is in one place, even when two gateways look for such records at the same moment.
local moved = 0
for at = 3, #ARGV do
  spend(1, #ARGV[at])
  if redis.call('LREM', P .. 'inbox_unread', 1, ARGV[at]) == 1 then
    local record = cjson.decode(ARGV[at])
    post(ARGV[2], record[1], record[2])
    moved = moved + 1
  end
end
commit()
return moved
