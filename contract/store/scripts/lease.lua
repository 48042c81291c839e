-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] lease ms · [4] 1: join (a new id), 0: renew · then field, value pairs for gateway:<id>
-- Returns 'lost' (a lease that has run out is not taken up again: ids are never reused), or the ids of dead gateways
-- Atomic because: nobody may bury this gateway between the look and the renewal.
local gateway = ARGV[2]
if ARGV[4] == '0' and not live(gateway) then return 'lost' end
redis.call('ZADD', P .. 'gateways', int(now + tonumber(ARGV[3])), gateway)
local fields = {}
for at = 5, #ARGV do fields[#fields + 1] = ARGV[at] end
redis.call('HSET', P .. 'gateway:' .. gateway, 'renewed_at', int(now), unpack(fields))
return redis.call('ZRANGEBYSCORE', P .. 'gateways', '-inf', int(now))
