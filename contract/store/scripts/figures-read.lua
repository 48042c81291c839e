-- KEYS[1] users
-- ARGV[1] prefix · [2] first minute · [3] number of minutes, at most 250
-- Returns per minute its fields and values (flat); empty where nothing is known
local rows, first = {}, tonumber(ARGV[2])
for i = 1, tonumber(ARGV[3]) do
  rows[i] = redis.call('HGETALL', P .. 'figures:' .. int(first + i - 1))
  spend(#rows[i] / 2)
end
return rows
