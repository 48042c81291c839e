-- A page of the members of a group, in the order in which they joined.
-- KEYS[1] users
-- ARGV[1] prefix · [2] name · [3] only those who joined after this id, or '0' · [4] limit
-- Returns {members, flat: member, time of joining …}, or {} when there is no such group
local generation = generation_of(ARGV[2])
if not generation then return {} end
local members = group_keys(generation)
return { redis.call('ZCARD', members), redis.call('ZRANGEBYSCORE', members, '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4]) }
