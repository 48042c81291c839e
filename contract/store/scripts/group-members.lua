-- Adds members to a group and removes others. A group exists while it has members.
-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · [6] name · [7] maximum of members of a group · [8] how many to add · [9] highest message id known to the caller
--     then the members to add, then those to remove
-- Returns the number of members, -1 when there would be too many (nothing was changed), or 'late'
-- Atomic because: a send reaches the members at its acceptance, despite concurrent changes.
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
local name, max_members, adding = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local generation = generation_of(name)
continue_above(ARGV[9])
local members, left, sends
if generation then members, left, sends = group_keys(generation) end

-- joined: of the members that leave, when they joined
local gone, joined, leaving, add, seen = {}, {}, 0, {}, {}
for at = 10 + adding, #ARGV do
  local user = ARGV[at]
  spend(1)
  gone[user] = true
  if members and not joined[user] then
    joined[user] = redis.call('ZSCORE', members, user) or nil
    if joined[user] then leaving = leaving + 1 end
  end
end
for at = 10, 9 + adding do
  local user = ARGV[at]
  spend(1)
  if not gone[user] and not seen[user] and not (members and redis.call('ZSCORE', members, user)) then add[#add + 1] = user end
  seen[user] = true
end
local size = members and redis.call('ZCARD', members) or 0
if #add > 0 and size - leaving + #add > max_members then return -1 end
if #add > 0 and not generation then
  generation = nextId()
  members, left, sends = group_keys(generation)
  redis.call('HSET', P .. 'group_names', name, generation)
  redis.call('ZADD', P .. 'groups', 0, name)
end
for _, user in ipairs(add) do redis.call('ZADD', members, nextId(), user) end
if generation then
  local newest = tonumber(redis.call('ZREVRANGE', sends, 0, 0)[1] or '0')
  for user, id in pairs(joined) do
    spend(1)
    redis.call('ZREM', members, user)
    if tonumber(id) < newest then redis.call('ZADD', left, id, user .. '\n' .. nextId()) end
  end
  size = redis.call('ZCARD', members)
  if size == 0 then
    redis.call('HDEL', P .. 'group_names', name)
    redis.call('ZREM', P .. 'groups', name)
    free_group(generation, name)
  end
end
audit(tonumber(ARGV[4]), ARGV[5], 'group_changed', 'target', name, 'recipients', int(#add))
commit()
return answered(ARGV[3], generation and redis.call('ZCARD', members) or 0)
