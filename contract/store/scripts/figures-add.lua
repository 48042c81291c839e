-- KEYS[1] users
-- ARGV[1] prefix · [2] minute (Unix minutes) · [3] time to live, s · [4] clients, '' of a gateway that stops
--     [5] messages written to connections · then bucket, messages: how long they took
-- Gateways add to one record for each minute: it is as large for one gateway as for a thousand.
local key = P .. 'figures:' .. ARGV[2]
if ARGV[4] ~= '' then
  redis.call('HINCRBY', key, 'clients', ARGV[4])
  redis.call('HINCRBY', key, 'gateways', 1)
end
redis.call('HINCRBY', key, 'delivered', ARGV[5])
for at = 6, #ARGV, 2 do redis.call('HINCRBY', key, 'took:' .. ARGV[at], ARGV[at + 1]) end
redis.call('EXPIRE', key, ARGV[3])
