-- KEYS[1] users
-- ARGV[1] prefix · [2] only letters below this position, or '': the newest · [3] limit · [4] number of bytes of an entry to show
--     [5] number of unknown recipients to list
-- Returns {total, letters}, the newest first: per letter {position, name, entry (its beginning), bytes, encoding or '',
--     reason or '', at or '', unknown recipients as JSON or ''}
-- Atomic because: positions count from the oldest letter, and hold for one moment.
local total, limit = redis.call('LLEN', dead), tonumber(ARGV[3])
local shown, named = tonumber(ARGV[4]), tonumber(ARGV[5])
local below = ARGV[2] == '' and total or math.min(total, tonumber(ARGV[2]))
local rows = {}
for position = below - 1, math.max(0, below - limit), -1 do
  local raw = redis.call('LINDEX', dead, -1 - position)
  spend_letter(raw)
  local letter = read(raw)
  local entry, to = letter.entry, ''
  if #entry > shown then
    -- not in the middle of a character
    entry = string.gsub(string.sub(entry, 1, shown), '[\192-\255][\128-\191]*$', '')
  end
  if letter.chat_to then
    local first = {}
    for i = 1, math.min(#letter.chat_to, named) do first[i] = letter.chat_to[i] end
    to = #first > 0 and cjson.encode(first) or ''
  end
  rows[#rows + 1] = { int(position), name(raw), entry, int(#letter.entry), letter.encoding or '', letter.reason or '',
    letter.at and int(letter.at) or '', to }
  if work >= STEP_WORK then break end
end
commit()
return { total, rows }
