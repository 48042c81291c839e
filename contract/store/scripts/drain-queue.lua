-- KEYS[1] users
-- ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] bound of a mailbox, `<messages>,<bytes>` · [4] max entries to take
--     [5] max recipients of an entry · [6] max bytes of an entry
--     [7] max bytes of a message's body, in its plain form: no frame of a client could hold more
--     [8] highest message id known to the caller
-- Returns {taken, of these dead-lettered, left in the queue}
-- Atomic because: an entry is in the queue, routed, or in the dead-letter list; at every moment in one of them.
-- Entries are read first and removed last: when the call fails on the way they are all still there.
-- An entry that Redis cannot route (a key of another type, written by another program) becomes a dead letter; the others go on.
-- A step ends when its work budget is used up, even in the middle of a list of recipients: `front_tcp:place` (a hash) records for
-- the entry with this `digest` how many recipients are done, and the `unknown` ones among them. Each part has an id of its own,
-- so that no recipient gets an older id behind a newer one.
local offlineTtl, bound, max_entries = tonumber(ARGV[2]), bound_of(ARGV[3]), tonumber(ARGV[4])
local maxRecipients, maxBytes, maxBody = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local placeKey = P .. 'front_tcp:place'
continue_above(ARGV[8])

local sequences = { '^[\194-\223][\128-\191]', '^\224[\160-\191][\128-\191]', '^[\225-\236\238\239][\128-\191][\128-\191]',
  '^\237[\128-\159][\128-\191]', '^\240[\144-\191][\128-\191][\128-\191]',
  '^[\241-\243][\128-\191][\128-\191][\128-\191]', '^\244[\128-\143][\128-\191][\128-\191]' }
local function valid_utf8(s)
  local at = string.find(s, '[\128-\255]')
  while at do
    local stop
    for _, pattern in ipairs(sequences) do
      local _, last = string.find(s, pattern, at)
      stop = stop or last
    end
    if not stop then return false end
    at = string.find(s, '[\128-\255]', stop + 1)
  end
  return true
end

-- the JSON text of the top-level string members of valid JSON text, as the producer wrote it
local function raw_strings(s)
  local raw, depth, at, key = {}, 0, 1, nil
  while true do
    local start = string.find(s, '["{}%[%]:,]', at)
    if not start then return raw end
    local c = string.sub(s, start, start)
    at = start + 1
    if c == '"' then
      local stop = string.find(s, '["\\]', at)
      while string.byte(s, stop) == 92 do stop = string.find(s, '["\\]', stop + 2) end
      at = stop + 1
      if depth == 1 then
        local str = string.sub(s, start, stop)
        -- the parser accepts control characters, clients do not: such a string is encoded again
        if key then raw[key] = not string.find(str, '%c') and str or nil
        elseif string.find(s, '^%s*:', at) then key = string.sub(str, 2, -2) end
      end
    elseif c == '{' or c == '[' then depth = depth + 1
    elseif c == '}' or c == ']' then depth = depth - 1
    elseif c == ',' and depth == 1 then key = nil end
  end
end

-- an inbox of another type fails the entries that go there, each by itself, and not the whole call at its end
local types, add_record = {}, post
local function has_inbox(gateway)
  types[gateway] = types[gateway] or redis.call('TYPE', P .. 'inbox:' .. gateway).ok
  return types[gateway] == 'stream' or types[gateway] == 'none'
end
post = function(gateway, record, body)
  if not has_inbox(gateway) then error('WRONGTYPE inbox:' .. gateway .. ' is a ' .. types[gateway]) end
  add_record(gateway, record, body)
end

-- an entry for one recipient, in printable ASCII without escapes, is used as it is: a fifth of the cost of
-- parsing. Such an entry for a live session goes into its gateway's inbox; for any other this returns false, and it is parsed
local plain = '([_-~#-Z !%[%]^]*)'
local single = '^{"command_id": ?(10[234]), ?"chat_from": ?"' .. plain .. '", ?"chat_to": ?%["' .. plain .. '"%], ?"chat_content": ?"' .. plain .. '"}$'
local function take_single(raw)
  local command, from, user, content = string.match(raw, single)
  if not command or user == '' or #raw > math.min(maxBytes, maxBody) then return false end
  local session = redis.pcall('HMGET', P .. 'user:' .. user, 'gateway', 'epoch', 'form')
  if not live(session[1]) or session[3] == 'ack' or not has_inbox(session[1]) then return false end
  post(session[1], '["m","' .. nextId() .. '",' .. command .. ',1100,0,"","",["' .. user .. '",' .. session[2] .. '],[]]',
    '{"chat_from": "' .. from .. '", "chat_content": "' .. content .. '"}')
  count('routed')
  return true
end

-- the parser takes numbers as C writes them: 0x66, +102, 0102, 1., nan. These are not valid JSON, in any member
local function numbers_are_json(s)
  if string.find(s, '\\', 1, true) then s = string.gsub(s, '\\.', '') end
  for word in string.gmatch(string.gsub(s, '"[^"]*"', ''), '[^%s{}%[%]:,]+') do
    if word ~= 'null' and word ~= 'true' and word ~= 'false' then
      local rest = string.match(word, '^-?[1-9]%d*(.*)') or string.match(word, '^-?0(.*)')
      rest = rest and (string.match(rest, '^%.%d+(.*)') or rest)
      if not rest or rest ~= '' and not string.find(rest, '^[eE][+-]?%d+$') then return false end
    end
  end
  return true
end

-- returns the entry's parts, or nil and the reason
local function parse(raw)
  if #raw > maxBytes then return nil, 'too_large' end
  if not valid_utf8(raw) then return nil, 'not UTF-8' end
  -- the parser takes a NUL for the end of the text and ignores the rest
  if string.find(raw, '%z') then return nil, 'not JSON' end
  local ok, entry = pcall(cjson.decode, raw)
  if not ok or not numbers_are_json(raw) then return nil, 'not JSON' end
  if type(entry) ~= 'table' or not string.find(raw, '^%s*{') then return nil, 'not an object' end
  local id = entry.command_id
  if id ~= 102 and id ~= 103 and id ~= 104 then return nil, 'command_id is not 102, 103 or 104' end
  if type(entry.chat_from) ~= 'string' then return nil, 'chat_from is not a string' end
  if type(entry.chat_content) ~= 'string' then return nil, 'chat_content is not a string' end
  local to = entry.chat_to
  if id == 104 and (to == nil or to == cjson.null) then to = false
  else
    if type(to) ~= 'table' or (#to == 0 and next(to) ~= nil) then return nil, 'chat_to is not a list' end
    if #to == 0 then return nil, 'chat_to is empty' end
    if #to > maxRecipients then return nil, 'chat_to has too many recipients' end
    for _, user in ipairs(to) do
      if type(user) ~= 'string' or user == '' then return nil, 'chat_to has something other than user ids' end
    end
  end
  -- without any escape, the parsed text equals the written text
  if not string.find(raw, '[\\%c]') then
    return { id = int(id), from = '"' .. entry.chat_from .. '"', to = to, content = '"' .. entry.chat_content .. '"' }
  end
  local strings = raw_strings(raw)
  return {
    id = int(id), from = strings.chat_from or text(entry.chat_from), to = to,
    content = strings.chat_content or text(entry.chat_content),
  }
end

local function dead_letter(raw, reason, to)
  local encoding = ''
  if not valid_utf8(raw) then
    raw = string.gsub(raw, '[\128-\255]', function(c)
      local b = string.byte(c)
      return b < 192 and '\194' .. c or '\195' .. string.char(b - 64)
    end)
    encoding = ',"encoding":"latin1"'
  end
  local letter = '{"entry":' .. text(raw) .. encoding .. ',"reason":' .. text(reason) .. ',"at":' .. int(now)
  redis.call('LPUSH', P .. 'front_tcp:dead', letter .. (to and ',"chat_to":[' .. to .. ']}' or '}'))
  count('dead_lettered')
end

local dead = 0

-- number of recipients of one part: the rest of the step's budget, and at least some
local PART_LEAST = 100
local function part_of(body)
  local each = 1 + math.min(#body, SHARED_BYTES) / 200
  return math.max(PART_LEAST, math.floor((STEP_WORK - work) / each))
end

local function each_once(users)
  local once, seen = {}, {}
  for _, user in ipairs(users) do
    if not seen[user] then once[#once + 1] = user end
    seen[user] = true
  end
  return once
end

-- up to `room` users from `first` on; also returns the index of the last one when more follow
local function slice(users, first, room)
  local part, last = {}, math.min(#users, first + room - 1)
  for i = first, last do part[#part + 1] = users[i] end
  return part, last < #users and last or nil
end

-- only the first entry of a call can be partly done
local place = redis.call('HMGET', placeKey, 'digest', 'done', 'unknown')

-- The command that records how far a long entry has come, or removes that record. It runs after commit
local place_after
local function take_any(raw)
  local entry, reason = parse(raw)
  if not entry then
    dead = dead + 1
    dead_letter(raw, reason)
    return true
  end
  local rest = entry.id .. ',1100,0,"",""'
  local body = '{"chat_from": ' .. entry.from .. ', "chat_content": ' .. entry.content .. '}'
  if #body > maxBody then
    dead = dead + 1
    dead_letter(raw, 'too_large')
    return true
  end
  if not entry.to then
    broadcast(nextId(), rest, body)
    return true
  end
  local to, first, past, last = entry.to, 1, '', nil
  local resumes, room = place[1] and place[1] == redis.sha1hex(raw), part_of(body)
  if resumes or #to > room then
    if resumes then
      first, past = tonumber(place[2]) + 1, place[3]
      -- the same text may follow as an entry of its own
      place = {}
    end
    to, last = slice(each_once(to), first, room)
  end
  local _, _, unknown = route(nextId(), rest, body, to, offlineTtl, bound)
  for i, user in ipairs(unknown) do unknown[i] = text(user) end
  local names = table.concat(unknown, ',')
  if past ~= '' then names = names ~= '' and past .. ',' .. names or past end
  if last then
    place_after = { 'HSET', placeKey, 'digest', redis.sha1hex(raw), 'done', last, 'unknown', names }
    return false
  end
  if resumes then place_after = { 'DEL', placeKey } end
  if names ~= '' then
    dead = dead + 1
    dead_letter(raw, 'unknown recipients', names)
  end
  return true
end

-- returns whether all of the entry is done
local function take(raw)
  spend(1, #raw)
  if take_single(raw) then return true end
  local ok, done = pcall(take_any, raw)
  if ok then return done end
  -- If the same text is queued again, its first recipients must not be skipped.
  place_after = { 'DEL', placeKey }
  dead = dead + 1
  dead_letter(raw, 'not routed: ' .. (type(done) == 'table' and done.err or tostring(done)))
  return true
end

-- oldest first, in portions: as many as fit if each is as large as the largest so far
local READ_BYTES = 1048576
local taken, largest, ended, removals = 0, READ_BYTES / 4, false, {}
for _, list in ipairs({ P .. 'front_tcp:taken', P .. 'front_tcp' }) do
  local done = 0
  while taken < max_entries and not ended do
    local count_ = math.max(1, math.min(max_entries - taken, math.floor(READ_BYTES / largest), 64))
    local entries = redis.call('LRANGE', list, -done - count_, -done - 1)
    if #entries == 0 then break end
    largest = 256
    for i = #entries, 1, -1 do
      largest = math.max(largest, #entries[i])
      ended = not take(entries[i])
      if ended then break end
      done, taken = done + 1, taken + 1
      ended = work >= STEP_WORK
      if ended then break end
    end
  end
  if done > 0 then removals[#removals + 1] = { 'LTRIM', list, 0, -1 - done } end
end
commit()
if place_after then redis.call(unpack(place_after)) end
for _, removal in ipairs(removals) do redis.call(unpack(removal)) end
return { taken, dead, redis.call('LLEN', P .. 'front_tcp:taken') + redis.call('LLEN', P .. 'front_tcp') }
