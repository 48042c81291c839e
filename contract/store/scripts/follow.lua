-- KEYS[1] users
-- ARGV[1] prefix · [2] the followed user, or '' · [3] how long, ms · [4], [5] ids of the last entries of tail and events that were read
--     [6] '' the oldest entries after these, or a number: about that many of the newest lines of each · [7] the user as text in JSON,
--     as gateways write it
-- Returns {entries of tail, entries of events, the next [4], the next [5], older lines that were left out}: lists of {entry id, fields}
-- Atomic because: the follower is registered before anything can happen after the returned position.
local TAIL, EVENTS = P .. 'tail', P .. 'events'
local user, max = ARGV[2], tonumber(ARGV[6])
redis.call('ZADD', P .. 'tailing', int(now + tonumber(ARGV[3])), user)
redis.call('PEXPIRE', P .. 'tailing', tonumber(ARGV[3]))
local function last(stream)
  local entry = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or '0-0'
end
if ARGV[4] == '' then return { {}, {}, last(TAIL), last(EVENTS), 0 } end

if not max then
  local function after(stream, id)
    local entries = redis.call('XRANGE', stream, '(' .. id, '+', 'COUNT', 500)
    return entries, #entries > 0 and entries[#entries][1] or id
  end
  local tail, tailEnd = after(TAIL, ARGV[4])
  local events, eventsEnd = after(EVENTS, ARGV[5])
  return { tail, events, tailEnd, eventsEnd, 0 }
end

local function occurrences(text, part)
  local n, _, from = 0, string.find(text, part, 1, true)
  while from do
    n = n + 1
    _, from = string.find(text, part, from + 1, true)
  end
  return n
end
-- lines about the user; an entry of the tail has many, as JSON. A quote inside of a value is escaped: it is not taken for one of these
local function lines_of_tail(fields)
  spend(1, #fields[2])
  if user == '' then return occurrences(fields[2], '"at":') end
  return occurrences(fields[2], '"user":' .. ARGV[7]) + occurrences(fields[2], '"type":"skipped"')
end
local function lines_of_event(fields)
  spend(1)
  for at = 1, #fields, 2 do
    if fields[at] == 'user' and (user == '' or fields[at + 1] == user) then return 1 end
  end
  return 0
end

-- the newest entries with `max` lines, the newest last; of older ones the number of lines, as far as `room` for work goes
local PAGE = 50
local function newest(stream, after, lines_in, room)
  local found, lines, left, before, stop = {}, 0, 0, '+', work + room
  local position = after
  repeat
    local page = redis.call('XREVRANGE', stream, before, '(' .. after, 'COUNT', PAGE)
    if before == '+' and page[1] then position = page[1][1] end
    for _, entry in ipairs(page) do
      local n = lines_in(entry[2])
      if lines >= max then left = left + n
      elseif n > 0 then found[#found + 1] = entry end
      lines, before = lines + n, '(' .. entry[1]
      if work >= stop then break end
    end
  until #page < PAGE or work >= stop
  local entries = {}
  for at = #found, 1, -1 do entries[#entries + 1] = found[at] end
  return entries, position, left
end
local MAX_EVENTS = 2000
local events, eventsEnd, eventsLeft = newest(EVENTS, ARGV[5], lines_of_event, MAX_EVENTS)
local tail, tailEnd, tailLeft = newest(TAIL, ARGV[4], lines_of_tail, STEP_WORK - MAX_EVENTS)
return { tail, events, tailEnd, eventsEnd, tailLeft + eventsLeft }
