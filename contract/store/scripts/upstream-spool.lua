-- KEYS[1] users
-- ARGV[1] prefix · [2] gateway · [3] number of the batch · [4] maximum of items in all lanes · [5] maximum of bytes · [6] lanes
--     then per item: lane, text
-- Returns the entry id per item, '' where the spool was full, joined by ','; '' for a batch that comes late
-- Atomic because: a repeated batch is there completely or not at all, and the bound holds for concurrent writers.
-- How long Redis remembers a batch, so that a batch whose reply was lost is not spooled twice, s.
local BATCH_MEMORY_SECONDS = 3600
local maxItems, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local memory = P .. 'upstream_batch:' .. ARGV[2]
local number, past = string.match(redis.call('GET', memory) or '', '^(%d+) (.*)$')
if number == ARGV[3] then return past end
-- it was repeated on another connection, and the batch behind it is done
if number and tonumber(number) > tonumber(ARGV[3]) then return '' end
local items, bytes = 0, tonumber(redis.call('GET', P .. 'upstream_bytes') or '0')
for lane = 0, tonumber(ARGV[6]) - 1 do items = items + redis.call('XLEN', P .. 'upstream:' .. lane) end
if items == 0 then bytes = 0 end
local ids = {}
for at = 7, #ARGV, 2 do
  local item, id = ARGV[at + 1], ''
  if items < maxItems and bytes + #item <= maxBytes then
    id = redis.call('XADD', P .. 'upstream:' .. ARGV[at], '*', 'i', item)
    items, bytes = items + 1, bytes + #item
  end
  ids[#ids + 1] = id
end
redis.call('SET', P .. 'upstream_bytes', int(bytes))
local answer = table.concat(ids, ',')
redis.call('SET', memory, ARGV[3] .. ' ' .. answer, 'EX', BATCH_MEMORY_SECONDS)
return answer
