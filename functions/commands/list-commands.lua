-- KEYS[1] users
-- ARGV[1] prefix · [2] only records before this, or '+' · [3] limit · [4] only of this sender, or '' · [5] only to this user, or ''
-- Returns {rows, start of the next page or ''}, the newest first: per command {record id, at, by, message id, command id,
--     recipients or '', ids as JSON or '', recipients in the receipt or '', counts by state as JSON or ''}
-- Atomic because: one round trip, no matter how many records are skipped.
local MAX_SUMMED = 5000
local MAX_LOOKED_AT = 5000
local from, limit, by, to = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local progress = { scheduled = 0, routed = 1, stored = 1, written = 2, expired = 3, failed = 3, replaced = 3, cancelled = 3,
  acknowledged = 4, replied = 5 }

local function is_to(list)
  if not list or not string.find(list, text(to), 1, true) then return false end
  for _, user in ipairs(cjson.decode(list)) do
    if user == to then return true end
  end
  return false
end

-- the most advanced state, as in a complete receipt
local function state_of(steps)
  local state
  for step in string.gmatch(steps, '(%a+) %d+') do
    if not state or progress[step] >= progress[state] then state = step end
  end
  return state
end

-- the number of recipients in a receipt of so many fields that is not read
local function recipients_in(key, fields)
  local was = redis.call('HMGET', key, 'm:members', 'm:wait', 'm:accepted_at', 'm:command_id', 'm:from', 'm:replaces')
  if was[1] then return was[1] end
  -- only a command to one recipient waits, and only its receipt may hold a reply
  if was[2] then return '1' end
  for at = 3, 6 do fields = was[at] and fields - 1 or fields end
  return int(fields)
end

local summed = 0
local function receipt_of(message)
  local key = P .. 'receipt:' .. message
  local fields = redis.call('HLEN', key)
  if fields == 0 then return '', '' end
  if summed + fields > MAX_SUMMED then return recipients_in(key, fields), '' end
  summed = summed + fields
  local all, states, recipients = redis.call('HGETALL', key), {}, 0
  for at = 1, #all, 2 do
    if string.sub(all[at], 1, 2) == 'u:' then
      recipients = recipients + 1
      local state = state_of(all[at + 1])
      if state then states[state] = (states[state] or 0) + 1 end
    end
  end
  return int(recipients), cjson.encode(states)
end

-- a revoked request was refused with 503 and counts as never sent. Its record follows directly after that of the send
local withdrawn = {}
local function note_withdrawal(f)
  if f.kind == 'withdraw' then withdrawn[f.message] = true end
end
local function fields_of(record)
  local f = {}
  for at = 1, #record[2], 2 do f[record[2][at]] = record[2][at + 1] end
  return f
end
if from ~= '+' then
  for _, record in ipairs(redis.call('XRANGE', P .. 'audit', string.sub(from, 2), '+', 'COUNT', 200)) do note_withdrawal(fields_of(record)) end
end

local rows, looked, last, ended = {}, 0, nil, false
while #rows < limit and looked < MAX_LOOKED_AT and not ended do
  local page = redis.call('XREVRANGE', P .. 'audit', last and '(' .. last or from, '-', 'COUNT', 200)
  ended = #page < 200
  for i, record in ipairs(page) do
    local f = fields_of(record)
    last, looked = record[1], looked + 1
    note_withdrawal(f)
    if f.kind == 'send' and not withdrawn[f.message] and (by == '' or f.by == by) and (to == '' or is_to(f.to)) then
      local recipients, states = receipt_of(f.message)
      rows[#rows + 1] = { last, f.at, f.by, f.message, f.command, f.recipients or '', f.to or '', recipients, states }
      if #rows == limit then
        ended = ended and i == #page
        break
      end
    end
  end
end
return { rows, not ended and last or '' }
