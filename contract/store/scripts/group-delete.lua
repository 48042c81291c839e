-- KEYS[1] users
-- ARGV[1] prefix · [2] name · [3] bound of the audit stream, 0: none is kept · [4] actor
-- Returns 1, or 0 when there is no such group
-- Atomic because: sends that were accepted before still reach its members.
local name = ARGV[2]
local generation = generation_of(name)
if not generation then return 0 end
redis.call('HDEL', P .. 'group_names', name)
redis.call('ZREM', P .. 'groups', name)
free_group(generation, name)
audit(tonumber(ARGV[3]), ARGV[4], 'group_deleted', 'target', name)
commit()
return 1
