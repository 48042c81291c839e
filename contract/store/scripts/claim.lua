-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] OFFLINE_TTL_S, then per session: user, form, token field as it was checked or '', epoch to resume or ''
-- Returns 'no_lease', or per session {'claimed', epoch, 1 when a predecessor has yet to hand over, lost, size of the mailbox,
--     last entry of this gateway's inbox or '', last message id} | {'refused'} | {'superseded'}
-- Atomic because: the epoch, the holder, the predecessor's end and both events must agree; the token is still the one that was checked.
local gateway, offlineTtl = ARGV[2], tonumber(ARGV[3])
if not live(gateway) then return 'no_lease' end
local newest = redis.call('XREVRANGE', P .. 'inbox:' .. gateway, '+', '-', 'COUNT', 1)[1]
newest = newest and newest[1] or ''
local lastMessage = redis.call('GET', P .. 'message_id') or '0'

local function claim(user, form, token, resume)
  local key = P .. 'user:' .. user
  local was = redis.call('HMGET', key, 'token', 'token_expires_at', 'gateway', 'epoch', 'form', 'expiring', 'resumed_from', 'owing', 'lost')
  if not was[1] then return { 'refused' } end
  local owing, lost, waiting = was[8] and 1 or 0, was[9] or '0', redis.call('ZCARD', P .. 'mailbox:' .. user)
  local function claimed(epoch) return { 'claimed', epoch, owing, lost, waiting, newest, lastMessage } end
  if resume ~= '' then
    -- asked again, because the connection broke before the answer came
    if was[3] == gateway and was[7] == resume then return claimed(was[4]) end
    -- a lower epoch: the store has lost what it acknowledged
    if tonumber(was[4] or '0') > tonumber(resume) then return { 'superseded' } end
  elseif was[1] ~= token or (was[2] and (tonumber(was[2]) or 0) * 1000 <= now) then return { 'refused' } end

  local epoch = int(math.max(tonumber(was[4] or '0'), tonumber(resume) or 0) + 1)
  if was[3] then
    if redis.call('ZSCORE', P .. 'gateways', was[3]) then
      -- what an acknowledging client has not got is in its mailbox already
      local hands_over = was[5] ~= 'ack'
      post(was[3], '["c",' .. text(user) .. ',' .. was[4] .. ',"taken_over",' .. (hands_over and 1 or 0) .. ']', '')
      if hands_over then
        owe(user, was[4])
        owing = 1
      end
    end
    redis.call('SREM', P .. 'sessions:' .. was[3], user)
    event(live(was[3]) and 'disconnected' or 'lost', user, was[4], was[3], 'taken_over')
  end
  redis.call('HSET', key, 'gateway', gateway, 'epoch', epoch, 'form', form, 'resumed_from', resume,
    'connected_at', int(now), 'last_seen', int(now))
  redis.call('SADD', P .. 'sessions:' .. gateway, user)
  redis.call('ZADD', P .. 'users', 0, user)
  event('connected', user, epoch, gateway, resume ~= '' and 'resumed' or 'verified')
  if waiting > 0 then
    trim(user, was[6], offlineTtl)
    lost, waiting = redis.call('HGET', key, 'lost') or '0', redis.call('ZCARD', P .. 'mailbox:' .. user)
  end
  return claimed(epoch)
end

local results = {}
for at = 4, #ARGV, 4 do results[#results + 1] = claim(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]) end
commit()
return results
