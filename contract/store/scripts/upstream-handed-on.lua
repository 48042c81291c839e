-- KEYS[1] users
-- ARGV[1] prefix · then per item: lane, entry id, bytes
-- Returns how many were still there
-- Atomic because: the bytes are subtracted once, even if two gateways remove the item.
local removed, bytes = 0, 0
for at = 2, #ARGV, 3 do
  if redis.call('XDEL', P .. 'upstream:' .. ARGV[at], ARGV[at + 1]) == 1 then
    removed, bytes = removed + 1, bytes + tonumber(ARGV[at + 2])
  end
end
if bytes > 0 then redis.call('DECRBY', P .. 'upstream_bytes', int(bytes)) end
return removed
