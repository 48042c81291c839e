-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · [6] name
-- Returns 1, 0 when there is no such group, or 'late'
-- Atomic because: sends that were accepted before still reach its members.
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
local name = ARGV[6]
local generation = generation_of(name)
if not generation then return 0 end
redis.call('HDEL', P .. 'group_names', name)
redis.call('ZREM', P .. 'groups', name)
free_group(generation, name)
audit(tonumber(ARGV[4]), ARGV[5], 'group_deleted', 'target', name)
commit()
return answered(ARGV[3], 1)
