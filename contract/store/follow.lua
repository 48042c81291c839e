-- KEYS[1] users
-- ARGV[1] prefix · [2] the followed user, or '' · [3] how long, ms · [4], [5] ids of the last entries of tail and events that were read
--     [6] '' the oldest entries after these, or a number: that many of the newest
-- Returns {lines of the tail, events}: lists of {entry id, fields}
-- Atomic because: the follower is registered before anything can happen after the returned position.
redis.call('ZADD', P .. 'tailing', int(now + tonumber(ARGV[3])), ARGV[2])
redis.call('PEXPIRE', P .. 'tailing', tonumber(ARGV[3]))
local function last(stream)
  local entry = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or '0-0'
end
if ARGV[4] == '' then return { last(P .. 'tail'), last(P .. 'events') } end
local function after(stream, id)
  if ARGV[6] == '' then return redis.call('XRANGE', stream, '(' .. id, '+', 'COUNT', 500) end
  local newest, entries = redis.call('XREVRANGE', stream, '+', '(' .. id, 'COUNT', ARGV[6]), {}
  for at = #newest, 1, -1 do entries[#entries + 1] = newest[at] end
  return entries
end
return { after(P .. 'tail', ARGV[4]), after(P .. 'events', ARGV[5]) }
