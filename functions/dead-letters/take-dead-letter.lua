-- KEYS[1] users
-- ARGV[1] prefix · [2] position, [3] name of the letter · [4] 'retry' | 'delete' · [5] entry for the queue, '': the letter's own
--     [6] id of the letter · [7] actor · [8] bound of the audit · [9] deadline, ms of Redis's clock · [10] name of this call
-- Returns {'done'} | {'gone'} | {'late'} | {'partly', entry, unknown recipients as JSON}: only these may get it
-- Atomic because: an entry is in the queue or a dead letter, even when two calls take it at the same moment.
local MAX_SHIFT = 5000
local call = P .. 'once:' .. ARGV[10]
if redis.call('EXISTS', call) == 1 then return { 'done' } end
if now > tonumber(ARGV[9]) then return { 'late' } end

-- at its old position, or nearer to the oldest
local function find(position)
  local there = redis.call('LINDEX', dead, -1 - position)
  if there and name(there) == ARGV[3] then return there end
  for top = position - 1, math.max(0, position - MAX_SHIFT), -20 do
    for _, raw in ipairs(redis.call('LRANGE', dead, -1 - top, -1 - math.max(0, top - 19))) do
      if name(raw) == ARGV[3] then return raw end
    end
  end
end
local raw = find(tonumber(ARGV[2]))
if not raw then return { 'gone' } end

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
redis.call('LREM', dead, -1, raw)
redis.call('SET', call, '1', 'EX', 600)
audit(tonumber(ARGV[8]), ARGV[7], ARGV[4] == 'retry' and 'dead_letter_retried' or 'dead_letter_deleted', 'target', ARGV[6])
return { 'done' }
