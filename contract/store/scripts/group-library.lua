-- Named groups. `groups`: a sorted set of names, for paging. `group_names`: a hash, name -> generation (an id).
-- `group:<generation>`: a sorted set, member -> time of joining (a fresh id, so scores are unique).
-- A send to a group reaches its members at acceptance. While sends are pending (`group_sends:<generation>`, a sorted set of command
-- ids), members who leave and whom one of them reaches are kept in `group_left:<generation>` ("<member>\n<id when it left>", score =
-- time of joining).
-- a send to a group of at most this many members is routed in the call that accepts it
local INLINE_MEMBERS = 1000
local function group_keys(generation)
  return P .. 'group:' .. generation, P .. 'group_left:' .. generation, P .. 'group_sends:' .. generation
end
local function generation_of(name) return redis.call('HGET', P .. 'group_names', name) or nil end

-- deletes a generation when no name and no send refers to it any more
local function free_group(generation, name)
  local members, left, sends = group_keys(generation)
  if redis.call('ZCARD', sends) > 0 then return end
  redis.call('UNLINK', left)
  if generation_of(name) ~= generation then redis.call('UNLINK', members) end
end

-- Forgets a command that waits for its time or is delivered in steps: it is done, cancelled or withdrawn. `generation`: of its group, if any
local function end_send(id, from, generation, name)
  redis.call('UNLINK', P .. 'scheduled:' .. id, P .. 'group_early:' .. id)
  redis.call('ZREM', P .. 'scheduled', id)
  redis.call('ZREM', P .. 'group_work', id)
  redis.call('ZREM', P .. 'sender_work:' .. from, id)
  if generation then
    redis.call('ZREM', P .. 'group_sends:' .. generation, id)
    free_group(generation, name)
  end
end
