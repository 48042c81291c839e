-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] OFFLINE_TTL_S · [4] highest message id known to the gateway · [5] name of this call or ''
--     then per session: user, form, the token field that was checked or '',
--     and, for a session to resume, '<its epoch> <epoch of its verify> <id of the gateway that had it>', or ''
-- Returns 'no_lease', or the last entry of this gateway's inbox or '', the last message id, and per session
--     'claimed <epoch> <1 when a predecessor has yet to hand over, or 0> <lost> <size of the mailbox> <given, see release>'
--     | 'refused'
--     | 'superseded <reason why it ended or ''>'
-- Atomic because: the epoch, the holder, the predecessor's end and both events must agree; the token is still the one that was checked.
local gateway, offlineTtl = ARGV[2], tonumber(ARGV[3])
if not live(gateway) then return 'no_lease' end
-- A call is sent again after a broken connection, and the first copy may come last: it must not end the session that is there by then.
-- Each claim of a call has its own name, because a call may have two of one user
local isRepeated, call = not note_call(ARGV[5]), string.match(ARGV[5], '%d+$') or ''
local newest = redis.call('XREVRANGE', P .. 'inbox:' .. gateway, '+', '-', 'COUNT', 1)[1]
newest = newest and newest[1] or ''
local stored, known = known_id(tonumber(ARGV[4]))
local lastMessage = int(math.max(stored, known > now * 1024 and known or 0))

local connectedAt = int(now)
-- Both indexes are written once, at the end: this script does not read them. A repeated resume adds its user again, because the failed
-- call may not have reached the end.
local claimedUsers, scoredUsers = {}, {}

local function claim(user, form, token, resumed, name)
  local resume, since, holder
  if resumed ~= '' then resume, since, holder = string.match(resumed, '^(%S+) (%S+) (.*)$') end
  local key = P .. 'user:' .. user
  local was = redis.call('HMGET', key, 'token', 'token_expires_at', 'gateway', 'epoch', 'form', 'expiring', 'owing', 'lost', 'ended',
    'given')
  spend(5)
  if not was[1] and not resume then return 'refused' end
  local owing, lost, waiting = was[7] and 1 or 0, was[8] or '0', redis.call('ZCARD', P .. 'mailbox:' .. user)
  local function claimed(epoch)
    claimedUsers[#claimedUsers + 1] = user
    scoredUsers[#scoredUsers + 1] = 0
    scoredUsers[#scoredUsers + 1] = user
    return 'claimed ' .. epoch .. ' ' .. owing .. ' ' .. lost .. ' ' .. waiting .. ' ' .. (was[10] or '')
  end
  if resume then
    local session = redis.call('HMGET', key, 'resumed_from', 'since')
    -- a repeated call: the connection broke before the reply arrived
    if was[3] == gateway and session[1] == resume then return claimed(was[4]) end
    -- verified later, or ended. An earlier one exists because the store has lost writes that it had acknowledged
    if since_of(session[2], was[4]) > tonumber(since) then return 'superseded ' .. (was[9] or '') end
    if was[4] == resume and was[3] and was[3] ~= holder then return 'superseded ' end
    if not was[1] then return 'refused' end
  elseif isRepeated and was[3] == gateway and redis.call('HGET', key, 'claimed_by') == name then return claimed(was[4])
  elseif not is_valid_token(token, { was[1], was[2] }) then
    -- one of an operator's older tokens
    if not is_valid_token(token, redis.call('HMGET', key, 'token', 'token_expires_at', 'role', 'more_tokens')) then return 'refused' end
  end
  if isRepeated then return 'superseded ' .. (was[9] or '') end

  local epoch = next_epoch(math.max(tonumber(was[4] or '0'), tonumber(resume) or 0), known)
  if was[3] and end_session(user, was[3], was[4], was[5], 'taken_over') then owing = 1 end
  -- plain clients do not get application messages: these stay in the mailbox
  local served = form ~= 'plain' and 'served_app_id' or 'served_id'
  local by = resume and 'resumed_from' or 'verified_by'
  redis.call('HSET', key, 'gateway', gateway, 'epoch', epoch, 'form', form, 'resumed_from', '', by, resume or token,
    'claimed_by', name, 'since', epoch .. ' ' .. (since or epoch),
    'connected_at', connectedAt, 'last_seen', connectedAt, 'served_id', lastMessage, served, lastMessage)
  if was[9] then redis.call('HDEL', key, 'ended') end
  event('connected', user, epoch, gateway, resume and 'resumed' or 'verified')
  if waiting > 0 then
    trim(user, was[6], offlineTtl)
    lost, waiting = redis.call('HGET', key, 'lost') or '0', redis.call('ZCARD', P .. 'mailbox:' .. user)
  end
  return claimed(epoch)
end

local results = { newest, lastMessage }
for at = 6, #ARGV, 4 do
  results[#results + 1] = claim(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], call .. '.' .. int(at))
end
if #claimedUsers > 0 then
  redis.call('SADD', P .. 'sessions:' .. gateway, unpack(claimedUsers))
  redis.call('ZADD', P .. 'users', unpack(scoredUsers))
end
commit()
return results
