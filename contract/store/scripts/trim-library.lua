-- Trimming of one mailbox: at every claim, and by the sweep for users who do not come back. Messages that are too old, or
-- past their own time to live, are removed before they are announced to a client. Returns true when there may be more, because
-- the work budget of this call is used up.
local PORTION = 16
local function trim(user, expiring, offlineTtl)
  local box, expiry = P .. 'mailbox:' .. user, P .. 'mailbox_expiry:' .. user
  local before = '(' .. int((now - offlineTtl * 1000) * 1024)
  spend(1)
  repeat
    if work >= STEP_WORK then return true end
    local old = redis.pcall('ZRANGEBYSCORE', box, '-inf', before, 'LIMIT', 0, PORTION)
    -- a key of another type, written by another program
    if old.err then return false end
    for _, member in ipairs(old) do
      redis.call('ZREM', box, member)
      spend(0, #member)
    end
    forget(user, old)
    give_up(user, old, 'expired')
  until #old < PORTION
  if not expiring then return false end
  repeat
    if work >= STEP_WORK then return true end
    local expired, ids = {}, redis.call('ZRANGEBYSCORE', expiry, '-inf', int(now), 'LIMIT', 0, PORTION)
    for _, member in pairs((take_out(user, ids))) do expired[#expired + 1] = member end
    if #ids > 0 then redis.call('ZREM', expiry, unpack(ids)) end
    give_up(user, expired, 'expired')
  until #ids < PORTION
  if redis.call('EXISTS', expiry) == 0 then redis.call('HDEL', P .. 'user:' .. user, 'expiring') end
  return false
end
