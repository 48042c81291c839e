-- The beginning of every script.
--
-- KEYS[1] is a key of the deployment (it decides the slot); ARGV[1] the key prefix. Other keys are made from the
-- prefix, because the recipients are only known inside the script. Returned numbers are written by `int`: Lua's own
-- conversion loses digits above 2^46.
local P = ARGV[1]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function int(n) return string.format('%.0f', n) end
local function text(s) return cjson.encode(s) end

-- The work of this call, in units: 1 for each recipient, session or record, and 1 for every 200 bytes read or written.
-- A call does about STEP_WORK; larger work is done in steps that store their position. A test build sets WORK_LIMIT
-- (library.ts): a call above it fails.
local STEP_WORK, WORK_LIMIT = 5000, nil
local work = 0
local function spend(items, bytes) work = work + items + (bytes or 0) / 200 end

-- message ids: strictly increasing, sortable by time; last + 1 when the clock does not advance or goes back
local lastId
local function nextId()
  if not lastId then lastId = tonumber(redis.call('GET', P .. 'message_id') or '0') end
  lastId = math.max(lastId + 1, now * 1024)
  -- takes half the time of `int`
  return string.format('%d', lastId)
end
-- Ids continue above the highest one that the caller knows (its estimate of Redis's clock counts as one): a failover may have
-- lost it, and the clock of the new server may be behind. To be called before the first id.
local function continue_above(known)
  lastId = math.max(tonumber(redis.call('GET', P .. 'message_id') or '0'), tonumber(known))
end
-- the next id follows these without a gap
local function reserve_ids(n)
  nextId()
  lastId = lastId + n - 1
end

-- a gateway is live while its lease runs, by this clock
local leases = {}
local function live(gateway)
  if not gateway or gateway == '' then return false end
  if leases[gateway] == nil then
    local score = redis.call('ZSCORE', P .. 'gateways', gateway)
    leases[gateway] = score and tonumber(score) > now or false
  end
  return leases[gateway]
end

local counts = {}
local function count(name, by)
  if by ~= 0 then counts[name] = (counts[name] or 0) + (by or 1) end
end

-- records for inboxes, collected and written by commit(): an entry has at most this many fields and bytes, unless one
-- record alone is larger
local ENTRY_FIELDS, ENTRY_BYTES = 4000, 65536
local outgoing, outgoingOrder = {}, {}
local function post(gateway, record, body)
  local list = outgoing[gateway]
  if not list then
    list = {}
    outgoing[gateway] = list
    outgoingOrder[#outgoingOrder + 1] = gateway
  end
  list[#list + 1] = record
  list[#list + 1] = body
  spend(1, #record + #body)
end

local function append(gateway, list)
  local entry, from, bytes = nil, 1, 0
  for at = 1, #list, 2 do
    local size = #list[at] + #list[at + 1]
    if at > from and (bytes + size > ENTRY_BYTES or at - from >= ENTRY_FIELDS) then
      redis.call('XADD', P .. 'inbox:' .. gateway, '*', unpack(list, from, at - 1))
      from, bytes = at, 0
    end
    bytes = bytes + size
  end
  return redis.call('XADD', P .. 'inbox:' .. gateway, '*', unpack(list, from, #list))
end

-- writes the records that the functions above collected; returns the last inbox entry per gateway
local function commit()
  if WORK_LIMIT and work > WORK_LIMIT then error('a call of ' .. int(work) .. ' units of work: more than ' .. WORK_LIMIT) end
  if lastId then redis.call('SET', P .. 'message_id', int(lastId)) end
  local entries = {}
  for _, gateway in ipairs(outgoingOrder) do entries[gateway] = append(gateway, outgoing[gateway]) end
  -- figures must not hold up messages
  for name, by in pairs(counts) do redis.pcall('HINCRBY', P .. 'stats', name, int(by)) end
  return entries
end

local function event(kind, user, epoch, gateway, reason)
  redis.call('XADD', P .. 'events', 'MAXLEN', '~', '100000', '*',
    'type', kind, 'user', user, 'epoch', epoch, 'gateway', gateway, 'reason', reason, 'at', int(now))
end

-- receipt:<id>, field u:<user> = 'state ms[:reason] state ms …'; each state once; nothing where no receipt was requested.
-- `m:waiter` lists the function instances that wait for the step `m:wait`. Each gets that step, and every end, in its own stream, with
-- the recipient's field and the reply. What exceeds NOTICE_BYTES they read from the receipt.
local NOTICE_BYTES = 1024
local ENDS = { expired = true, failed = true, replaced = true, cancelled = true }
local REACHES = { written = { written = true, acknowledged = true, replied = true }, acknowledged = { acknowledged = true },
  reply = { replied = true } }
local function notify_waiters(waiters, step, id, state, reason, steps, reply)
  if not (ENDS[state] or reason or REACHES[step][state]) then return end
  local notice = { 'id', id }
  local isWhole = reply or not string.find(' ' .. steps, ' replied ', 1, true)
  if isWhole and #steps + #(reply or '') <= NOTICE_BYTES then notice = { 'id', id, 'steps', steps, reply and 'reply', reply } end
  for waiter in string.gmatch(waiters, '%S+') do
    redis.call('XADD', P .. 'waits:' .. waiter, 'MAXLEN', '~', '10000', '*', unpack(notice))
    redis.call('EXPIRE', P .. 'waits:' .. waiter, 120)
  end
end
-- A message that is released later than it was accepted gets a fresh id, because ids order deliveries: m:alias is then
-- the id of the command that owns the receipt
local function receipt_key(id)
  local alias = redis.call('HGET', P .. 'receipt:' .. id, 'm:alias')
  return P .. 'receipt:' .. (alias or id), alias or id
end
-- the most advanced state: an acknowledgement may be recorded before the write that it refers to
local PROGRESS = { scheduled = 0, routed = 1, stored = 1, written = 2, expired = 3, failed = 3, replaced = 3, cancelled = 3,
  acknowledged = 4, replied = 5 }
local function furthest(steps)
  local state
  for step in string.gmatch(steps, '(%a+) %d+') do
    if not state or PROGRESS[step] >= PROGRESS[state] then state = step end
  end
  return state
end

-- for a send to a group: the number of members in each state (c:<state>)
local function count_state(key, before, after)
  local from, to = before and furthest(before), furthest(after)
  if from == to then return end
  if from then redis.call('HINCRBY', key, 'c:' .. from, -1) end
  redis.call('HINCRBY', key, 'c:' .. to, 1)
end

-- `reply`: JSON text, with the state `replied`
local mark
function mark(id, user, state, reason, reply)
  local key, field = P .. 'receipt:' .. id, 'u:' .. user
  local was = redis.call('HMGET', key, 'm:accepted_at', field, 'm:waiter', 'm:wait', 'm:alias', 'm:group')
  if was[5] then return mark(was[5], user, state, reason, reply) end
  if not was[1] then return end
  local past = was[2]
  if past and string.find(' ' .. past, ' ' .. state .. ' ', 1, true) then return end
  local step = state .. ' ' .. int(now) .. (reason and ':' .. reason or '')
  local steps = past and past .. ' ' .. step or step
  redis.call('HSET', key, field, steps)
  if reply then redis.call('HSET', key, 'r:' .. user, reply) end
  if was[6] then count_state(key, past, steps) end
  if was[3] then notify_waiters(was[3], was[4], id, state, reason, steps, reply) end
end

-- notifies a session that somebody else wrote to its mailbox
local function notify_mailbox(gateway, user, epoch)
  if live(gateway) then post(gateway, '["p",' .. text(user) .. ',' .. epoch .. ']', '') end
end

-- `owing` of a user: ended epochs whose gateways may still put messages back. Those messages are older
-- than the ones in the mailbox, so no later session is served from it before all of them have handed over
local function owe(user, epoch)
  local key = P .. 'user:' .. user
  -- pcall, here and below: a key of another type, written by another program, must not stop a burial
  local past = redis.pcall('HGET', key, 'owing')
  redis.pcall('HSET', key, 'owing', type(past) == 'string' and past .. ' ' .. epoch or epoch)
end
local function owes(user, epoch)
  local owing = redis.pcall('HGET', P .. 'user:' .. user, 'owing')
  return type(owing) == 'string' and string.find(' ' .. owing .. ' ', ' ' .. epoch .. ' ', 1, true) ~= nil
end
-- the last gateway to hand over wakes the waiting session
local function hand_over(user, epoch)
  if not owes(user, epoch) then return end
  local key, rest = P .. 'user:' .. user, {}
  for owing in string.gmatch(redis.call('HGET', key, 'owing'), '%d+') do
    if owing ~= epoch then rest[#rest + 1] = owing end
  end
  if #rest > 0 then
    redis.call('HSET', key, 'owing', table.concat(rest, ' '))
    return
  end
  redis.call('HDEL', key, 'owing')
  local session = redis.call('HMGET', key, 'gateway', 'epoch')
  if session[1] then notify_mailbox(session[1], user, session[2]) end
end

-- whether a call that stores messages runs for the first time: it is sent again after a broken connection, and the first copy may
-- come later than the second one, when the messages have been delivered and removed
local function first(call)
  return redis.call('SET', P .. 'once:' .. call, '1', 'NX', 'EX', 600) ~= false
end

-- `writes:<gateway>`: which calls of a gateway took effect here, '<all up to this number> <further> …'; a call is named
-- '<gateway>:<number>'. A failover loses writes that were acknowledged: the gateway finds their numbers missing, and makes
-- these calls again. A number that stays missing (its call failed) is passed over when WRITES_FURTHER follow it.
-- Returns false for a call that is noted already: it is sent again after a broken connection, and both may arrive
local WRITES_FURTHER, WRITES_SECONDS = 256, 600
local function note_call(call)
  local gateway, number = string.match(call, '^(%w+):(%d+)$')
  if not number then return true end
  local key, n = P .. 'writes:' .. gateway, tonumber(number)
  local noted = redis.call('GET', key) or '0'
  if tonumber(noted) ~= n - 1 then
    local further = {}
    for past in string.gmatch(noted, '%d+') do further[#further + 1] = tonumber(past) end
    local upTo = table.remove(further, 1)
    if n <= upTo or string.find(noted .. ' ', ' ' .. number .. ' ', 1, true) then return false end
    further[#further + 1] = n
    table.sort(further)
    while further[1] == upTo + 1 or #further > WRITES_FURTHER do upTo = table.remove(further, 1) end
    number = int(upTo)
    for _, past in ipairs(further) do number = number .. ' ' .. int(past) end
  end
  redis.call('SET', key, number, 'EX', WRITES_SECONDS)
  return true
end
