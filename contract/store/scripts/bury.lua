-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] OFFLINE_TTL_S · [4] bound of a mailbox, `<messages>,<bytes>`
--     [5] 1: the gateway stops and gives up its lease itself, 0: only when its lease has run out · [6] who buries
-- Returns {'live' | 'busy'}: another one does it | {'more' | 'done', messages re-routed, sessions lost}
-- Atomic because: any gateway may bury, and may itself die between two steps: each step leaves a state from which the next
-- continues. `undertaker` names the gateway that made the last step, and when, so that two gateways do not bury the same one at once.
-- Order: the inbox (oldest first), then the sessions, then the lease.
-- A step ends when its work budget is used up, even in the middle of an entry: `burial` of the gateway's hash names the place,
-- `<entry> <field> <recipient>`.
local gateway, offlineTtl, bound = ARGV[2], tonumber(ARGV[3]), bound_of(ARGV[4])
local key, inbox, sessions = P .. 'gateway:' .. gateway, P .. 'inbox:' .. gateway, P .. 'sessions:' .. gateway
local lease = redis.call('ZSCORE', P .. 'gateways', gateway)
if not lease then return { 'done', 0, 0 } end
if ARGV[5] == '1' then
  redis.call('ZADD', P .. 'gateways', 0, gateway)
  leases[gateway] = false
elseif tonumber(lease) > now then return { 'live', 0, 0 } end
local UNDERTAKER_MS = 3000
local by, at = string.match(redis.call('HGET', key, 'undertaker') or '', '^(%S*) (%d+)$')
if ARGV[5] ~= '1' and by and by ~= ARGV[6] and math.abs(now - tonumber(at)) < UNDERTAKER_MS then return { 'busy', 0, 0 } end
redis.call('HSET', key, 'undertaker', ARGV[6] .. ' ' .. int(now))

local rerouted, lost = 0, 0

-- a record that this version does not understand is kept for a version that does
local function keep_unread(record, body)
  redis.call('RPUSH', P .. 'inbox_unread', '[' .. text(record) .. ',' .. text(body) .. ']')
  count('unread')
  spend(1, #record + #body)
end

-- re-routes to the recipients from a position on; returns the next position when the step ends before the last
local function reroute(field, body, to, from)
  local id, rest = string.match(field, '^%["m","(%d+)",(%d+,%d+,%d+,"%a*","[^"]*")')
  local shared, references = #to > 2 and #body > SHARED_BYTES, 0
  local stop
  for i = from, #to, 2 do
    if work >= STEP_WORK then
      stop = i
      break
    end
    if stash(to[i], id, rest, body, offlineTtl, bound, shared) then references = references + 1 end
    rerouted = rerouted + 1
  end
  if shared then share_body(id, body, references, offlineTtl) end
  return stop
end

-- re-routes an entry from a position on; returns the position when the step ends before its last record
local function bury_entry(fields, at, recipient)
  while at < #fields do
    if work >= STEP_WORK then return at, recipient end
    local ok, record = pcall(cjson.decode, fields[at])
    local kind = ok and type(record) == 'table' and record[1]
    if kind == 'm' and type(record[8]) == 'table' then
      local stop = reroute(fields[at], fields[at + 1], record[8], recipient)
      if stop then return at, stop end
    elseif kind == 'c' then
      if record[5] == 1 then hand_over(record[2], int(record[3])) end
    elseif kind ~= 'm' and kind ~= 'p' and kind ~= 's' then keep_unread(fields[at], fields[at + 1]) end
    at, recipient = at + 2, 1
  end
end

local more, place = false, redis.call('HGET', key, 'burial')
while not more do
  local entry = redis.call('XRANGE', inbox, '-', '+', 'COUNT', 1)[1]
  if not entry then break end
  local fields, bytes = entry[2], 0
  for _, text_ in ipairs(fields) do bytes = bytes + #text_ end
  local at, recipient = string.match(place or '', '^' .. string.gsub(entry[1], '%-', '%%-') .. ' (%d+) (%d+)$')
  local stopAt, stopRecipient = bury_entry(fields, tonumber(at or 1), tonumber(recipient or 1))
  spend(0, bytes)
  if stopAt then redis.call('HSET', key, 'burial', entry[1] .. ' ' .. int(stopAt) .. ' ' .. int(stopRecipient))
  else redis.call('XDEL', inbox, entry[1]) end
  more = work >= STEP_WORK
end

while not more do
  local users = redis.call('SRANDMEMBER', sessions, 100)
  if #users == 0 then break end
  for _, user in ipairs(users) do
    local user_key = P .. 'user:' .. user
    -- a key of another type, written by another program, must not stop the burial
    local session = redis.pcall('HMGET', user_key, 'gateway', 'epoch')
    if session[1] == gateway then
      redis.call('HDEL', user_key, 'gateway', 'form')
      redis.call('HSET', user_key, 'last_seen', int(now))
      event('lost', user, session[2], gateway, 'gateway_lost')
      lost = lost + 1
    end
    redis.call('SREM', sessions, user)
    spend(5)
  end
  more = work >= STEP_WORK
end
if not more then
  redis.call('ZREM', P .. 'gateways', gateway)
  -- its last batch is kept until it expires: if the gateway is alive after all, it may repeat the call
  redis.call('DEL', inbox, key)
  if ARGV[5] ~= '1' then count('burials') end
end
commit()
return { more and 'more' or 'done', rerouted, lost }
