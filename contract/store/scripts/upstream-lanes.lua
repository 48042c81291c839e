-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] lanes · [4] 1: lifecycle events are wanted, 0: they are not · then the lanes to give up
-- Returns {fair share, lanes that are this gateway's…}; a gateway without a lease has none
-- Atomic because: a lane has one owner, for as long as that gateway's lease runs.
local gateway, total, lanes = ARGV[2], tonumber(ARGV[3]), P .. 'upstream_lanes'
if not live(gateway) then return { 0 } end
redis.call('HSET', P .. 'gateway:' .. gateway, 'upstream', '1')
if ARGV[4] == '0' then redis.call('DEL', P .. 'upstream_position')
elseif redis.call('EXISTS', P .. 'upstream_position') == 0 then
  local last = redis.call('XREVRANGE', P .. 'events', '+', '-', 'COUNT', 1)[1]
  redis.call('SET', P .. 'upstream_position', last and last[1] or '0-0')
end
local owners, list = {}, redis.call('HGETALL', lanes)
for i = 1, #list, 2 do owners[list[i]] = list[i + 1] end
for at = 5, #ARGV do
  if owners[ARGV[at]] == gateway then
    redis.call('HDEL', lanes, ARGV[at])
    owners[ARGV[at]] = nil
  end
end
local partners = 0
for _, other in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(now), '+inf')) do
  if redis.call('HEXISTS', P .. 'gateway:' .. other, 'upstream') == 1 then partners = partners + 1 end
end
local fair, mine = math.ceil(total / math.max(1, partners)), {}
for lane = 0, total - 1 do
  if owners[tostring(lane)] == gateway then mine[#mine + 1] = lane end
end
for lane = 0, total - 1 do
  local name = tostring(lane)
  if #mine < fair and not live(owners[name]) then
    redis.call('HSET', lanes, name, gateway)
    mine[#mine + 1] = lane
  end
end
table.insert(mine, 1, fair)
return mine
