-- KEYS[1] users
-- ARGV[1] prefix · [2] position, [3] name of the letter · [4] 'retry' | 'delete' · [5] entry for the queue, '': the letter's own
--     [6] id of the letter · [7] actor · [8] bound of the audit · [9] deadline, ms of Redis's clock · [10] name of this call
--     [11] position at which the search begins
-- Returns {'done'} | {'gone'} | {'late'} | {'partly', entry, unknown recipients as JSON}: only these may get it
--     | {'more', position}: call again, the search continues there
-- Atomic because: an entry is in the queue or a dead letter, even when two calls take it at the same moment.
local MAX_SHIFT, PORTION = 5000, 20
local call = P .. 'once:' .. ARGV[10]
if redis.call('EXISTS', call) == 1 then return { 'done' } end
if now > tonumber(ARGV[9]) then return { 'late' } end

-- at its old position, or nearer to the oldest, as far as the call has room. Returns it and its position, or nil and the next position
local total, lowest = redis.call('LLEN', dead), math.max(0, tonumber(ARGV[2]) - MAX_SHIFT)
local function find(top)
  local n = 1
  while top >= lowest and work < STEP_WORK do
    local before, bottom = work, math.max(lowest, top - n + 1)
    for i, raw in ipairs(redis.call('LRANGE', dead, -1 - top, -1 - bottom)) do
      spend_letter(raw)
      if name(raw) == ARGV[3] then return raw, top - i + 1 end
    end
    -- as many as there is room for, if they are as large as these
    local each = (work - before) / (top - bottom + 1)
    top, n = bottom - 1, math.max(1, math.min(PORTION, math.floor((STEP_WORK - work) / each)))
  end
  return nil, top
end
local raw, position = find(math.min(tonumber(ARGV[11]), total - 1))
if not raw then
  commit()
  if position < lowest then return { 'gone' } end
  return { 'more', int(position) }
end

if ARGV[4] == 'retry' then
  local letter, entry = read(raw), ARGV[5]
  if entry == '' then
    if letter.chat_to then return { 'partly', letter.entry, cjson.encode(letter.chat_to) } end
    entry = letter.entry
    if letter.encoding then
      entry = string.gsub(entry, '([\194\195])([\128-\191])', function(lead, c)
        return string.char(string.byte(c) + (lead == '\195' and 64 or 0))
      end)
    end
  end
  redis.call('LPUSH', P .. 'front_tcp', entry)
end
-- this one, not an equal one: it becomes unique, and is looked for from the nearer end
redis.call('LSET', dead, -1 - position, call)
redis.call('LREM', dead, position < total / 2 and -1 or 1, call)
redis.call('SET', call, '1', 'EX', 600)
audit(tonumber(ARGV[8]), ARGV[7], ARGV[4] == 'retry' and 'dead_letter_retried' or 'dead_letter_deleted', 'target', ARGV[6])
commit()
return { 'done' }
