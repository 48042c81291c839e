-- Removes a mailbox's messages up to an id, for an operator, with at most half the work of a call. Returns their number and whether
-- more remain.
local PORTION = 8
local function clear_mailbox(user, upTo)
  local deleted = 0
  while work < STEP_WORK / 2 do
    local members = redis.call('ZRANGEBYSCORE', P .. 'mailbox:' .. user, '-inf', upTo, 'LIMIT', 0, PORTION)
    for _, member in ipairs(members) do
      redis.call('ZREM', P .. 'mailbox:' .. user, member)
      spend(1, #member)
    end
    forget(user, members)
    for _, member in ipairs(members) do mark(id_of(member), user, 'cancelled') end
    deleted = deleted + #members
    if #members < PORTION then
      if deleted > 0 then count('cancelled', deleted) end
      return deleted, false
    end
  end
  count('cancelled', deleted)
  return deleted, true
end
