-- KEYS[1] users
-- ARGV[1] prefix · [2] entry id of the stream events
-- Returns 1 when the position moved on
-- Atomic because: a late call of a former owner must not move it back.
local function parts(id) local ms, n = string.match(id, '^(%d+)-(%d+)$') return tonumber(ms), tonumber(n) end
local ms, n = parts(ARGV[2])
local wasMs, wasN = parts(redis.call('GET', P .. 'upstream_position') or '0-0')
if ms < wasMs or (ms == wasMs and n <= wasN) then return 0 end
redis.call('SET', P .. 'upstream_position', ARGV[2])
return 1
