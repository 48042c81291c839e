-- KEYS[1] users
-- ARGV[1] prefix · [2] only records before this, or '+' · [3] limit · [4] only of this sender, or '' · [5] only to this user, or ''
-- Returns {rows, start of the next page or ''}, the newest first: per command {record id, at, by, message id, command id,
--     recipients or '', ids as JSON or '', recipients in the receipt or '', counts by state as JSON or ''}. Ends where the work of a
--     call does: with few rows or none, although more follow.
-- Atomic because: one round trip, no matter how many records are skipped.
local PAGE, LOOK_AHEAD = 20, 200
-- fields of a receipt that is read
local MAX_SUMMED = 5000
local from, limit, by, to = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]

local function is_to(list)
  if not list or not string.find(list, text(to), 1, true) then return false end
  for _, user in ipairs(cjson.decode(list)) do
    if user == to then return true end
  end
  return false
end

-- the number of recipients in a receipt that is not read, by its number of fields
local function recipients_in(key, fields)
  local was = redis.call('HMGET', key, 'm:members', 'm:wait', 'm:accepted_at', 'm:command_id', 'm:from', 'm:replaces')
  if was[1] then return was[1] end
  -- only a command to one recipient waits, and only its receipt may hold a reply
  if was[2] then return '1' end
  for at = 3, 6 do fields = was[at] and fields - 1 or fields end
  return int(fields)
end

local function receipt_of(key, fields)
  if fields == 0 then return '', '' end
  if fields > MAX_SUMMED then return recipients_in(key, fields), '' end
  local all, states, recipients = redis.call('HGETALL', key), {}, 0
  for at = 1, #all, 2 do
    spend(1, #all[at] + #all[at + 1])
    if string.sub(all[at], 1, 2) == 'u:' then
      recipients = recipients + 1
      local state = furthest(all[at + 1])
      if state then states[state] = (states[state] or 0) + 1 end
    end
  end
  return int(recipients), cjson.encode(states)
end

local function fields_of(record)
  local f, bytes = {}, 0
  for at = 1, #record[2], 2 do
    f[record[2][at]] = record[2][at + 1]
    bytes = bytes + #record[2][at] + #record[2][at + 1]
  end
  spend(1, bytes)
  return f
end
-- a withdrawn request was refused with 503 and counts as never sent. Its record follows directly after that of the send
local withdrawn = {}
local function note_withdrawal(f)
  if f.kind == 'withdraw' then withdrawn[f.message] = true end
end
local ahead, looked = string.sub(from, 2), 0
while ahead ~= '' and looked < LOOK_AHEAD and work < STEP_WORK / 4 do
  local page = redis.call('XRANGE', P .. 'audit', ahead, '+', 'COUNT', PAGE)
  for _, record in ipairs(page) do note_withdrawal(fields_of(record)) end
  looked = looked + #page
  ahead = #page == PAGE and '(' .. page[PAGE][1] or ''
end

local rows, last, ended, full = {}, nil, false, false
repeat
  local page = redis.call('XREVRANGE', P .. 'audit', last and '(' .. last or from, '-', 'COUNT', PAGE)
  ended = #page < PAGE
  for i, record in ipairs(page) do
    local f = fields_of(record)
    note_withdrawal(f)
    if f.kind == 'send' and not withdrawn[f.message] and (by == '' or f.by == by) and (to == '' or is_to(f.to)) then
      local key = P .. 'receipt:' .. f.message
      local fields = redis.call('HLEN', key)
      -- the next call begins with this record
      full = #rows > 0 and fields <= MAX_SUMMED and work + fields > STEP_WORK
      if not full then
        local recipients, states = receipt_of(key, fields)
        rows[#rows + 1] = { record[1], f.at, f.by, f.message, f.command, f.recipients or '', f.to or '', recipients, states }
      end
    end
    if full then
      ended = false
      break
    end
    last = record[1]
    full = #rows == limit or work >= STEP_WORK
    if full then
      ended = ended and i == #page
      break
    end
  end
until ended or full
commit()
return { rows, not ended and last or '' }
