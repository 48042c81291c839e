-- KEYS[1] users
-- ARGV[1] prefix
-- Returns {now ms, users, waiting, dead, sums (flat), gateways}
--     gateways: per gateway {id, lease expiry ms, sessions, inbox entries, facts (flat)}
-- Atomic because: the sums must be of one moment. One round trip; the work grows with the gateways, not the clients.
local gateways = {}
local leased = redis.call('ZRANGE', P .. 'gateways', 0, -1, 'WITHSCORES')
for at = 1, #leased, 2 do
  local id = leased[at]
  gateways[#gateways + 1] = { id, int(tonumber(leased[at + 1])), redis.call('SCARD', P .. 'sessions:' .. id),
    redis.call('XLEN', P .. 'inbox:' .. id), redis.call('HGETALL', P .. 'gateway:' .. id) }
end
local waiting = redis.call('LLEN', P .. 'front_tcp') + redis.call('LLEN', P .. 'front_tcp:taken')
return { int(now), redis.call('ZCARD', P .. 'users'), waiting, redis.call('LLEN', P .. 'front_tcp:dead'),
  redis.call('HGETALL', P .. 'stats'), gateways }
