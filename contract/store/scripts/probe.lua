-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway
-- Returns {now ms, queue, dead letters, inbox entries, id of the oldest or '', connections of the live gateways (list),
--     sums since the deployment began (flat), users that are followed ('': everyone)}
-- Atomic because: the numbers are compared, so they must be of one moment. The work grows with the gateways, not with the clients.
local inbox = P .. 'inbox:' .. ARGV[2]
local oldest = redis.call('XRANGE', inbox, '-', '+', 'COUNT', 1)[1]
local connections = {}
for _, gateway in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(now), '+inf')) do
  connections[#connections + 1] = redis.call('HGET', P .. 'gateway:' .. gateway, 'connections') or '0'
end
local waiting = redis.call('LLEN', P .. 'front_tcp') + redis.call('LLEN', P .. 'front_tcp:taken')
return { int(now), waiting, redis.call('LLEN', P .. 'front_tcp:dead'), redis.call('XLEN', inbox), oldest and oldest[1] or '',
  connections, redis.call('HGETALL', P .. 'stats'),
  redis.call('ZRANGEBYSCORE', P .. 'tailing', '(' .. int(now), '+inf', 'LIMIT', 0, 100) }
