-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] OFFLINE_TTL_S · [4] bound of a mailbox, `<messages>,<bytes>` · [5] user · [6] epoch · [7] reason
--     [8] 1: everything in the inbox for it has been handled · [9] name of this call
--     [10] highest message id known to the caller · [11] the direct broadcasts that it was given, `<origin> <after> <up to>`, or ''
--     then per undelivered message: id or '0', rest of its head, body
-- Returns 1 when the session was still the current one, else 0
-- Unread messages in the inbox for it will be put back later: until the gateway has read the record that this call
-- appends to the inbox, no later session is served.
-- Atomic because: only the holder ends the session, and its undelivered messages are in the mailbox before the successor reads it.
local gateway, offlineTtl, bound = ARGV[2], tonumber(ARGV[3]), bound_of(ARGV[4])
continue_above(ARGV[10])
note_call(ARGV[9])
local user, epoch = ARGV[5], ARGV[6]
local key = P .. 'user:' .. user
local session = redis.call('HMGET', key, 'gateway', 'epoch', 'form')
local current = session[1] == gateway and session[2] == epoch
if current then
  if session[3] ~= 'ack' and redis.call('XLEN', P .. 'inbox:' .. gateway) > 0 then
    owe(user, epoch)
    post(gateway, '["c",' .. text(user) .. ',' .. epoch .. ',"",1]', '')
  end
  redis.call('HDEL', key, 'gateway', 'form')
  redis.call('HSET', key, 'last_seen', int(now))
  redis.call('SREM', P .. 'sessions:' .. gateway, user)
  event('disconnected', user, epoch, gateway, ARGV[7])
end
if ARGV[12] and first(ARGV[9]) then
  for at = 12, #ARGV, 3 do stash(user, ARGV[at], ARGV[at + 1], ARGV[at + 2], offlineTtl, bound) end
end
-- `given` of a user: those of its last sessions. They matter until Redis has had these broadcasts, which takes a moment
local GIVEN_MAX = 4
if ARGV[11] ~= '' and session[2] then
  local past, kept = redis.call('HGET', key, 'given') or '', { ARGV[11] }
  for given in string.gmatch(past, '%S+ %d+ %d+') do
    if given ~= ARGV[11] and #kept < GIVEN_MAX then kept[#kept + 1] = given end
  end
  redis.call('HSET', key, 'given', table.concat(kept, ' '))
end
if ARGV[8] == '1' then hand_over(user, epoch) end
commit()
return current and 1 or 0
