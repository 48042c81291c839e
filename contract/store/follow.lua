-- KEYS[1] users
-- ARGV[1] prefix · [2] the followed user, or '' · [3] how long, ms · [4], [5] ids of the last entries of tail and events that were read
-- Returns {lines of the tail, events}: lists of {entry id, fields}
-- Atomic because: the follower is registered before anything can happen after the returned position.
redis.call('ZADD', P .. 'tailing', int(now + tonumber(ARGV[3])), ARGV[2])
redis.call('PEXPIRE', P .. 'tailing', tonumber(ARGV[3]))
local function last(stream)
  local entry = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or '0-0'
end
if ARGV[4] == '' then return { last(P .. 'tail'), last(P .. 'events') } end
return { redis.call('XRANGE', P .. 'tail', '(' .. ARGV[4], '+', 'COUNT', 500),
  redis.call('XRANGE', P .. 'events', '(' .. ARGV[5], '+', 'COUNT', 500) }
