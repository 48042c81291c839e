-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] only events before this entry, or '+' · [4] limit
-- Returns {events of the user, the last entry that was looked at, '' at the end, its time}, the newest first:
--     per event {type, at ms, epoch, gateway, reason}
local MAX_LOOKED_AT, PAGE = 2000, 250
local user, before, limit = ARGV[2], ARGV[3], tonumber(ARGV[4])
local rows, looked = {}, 0
local at = ''
while looked < MAX_LOOKED_AT and #rows < limit do
  local page = redis.call('XREVRANGE', P .. 'events', before, '-', 'COUNT', PAGE)
  for _, entry in ipairs(page) do
    local f = {}
    for i = 1, #entry[2], 2 do f[entry[2][i]] = entry[2][i + 1] end
    looked, before, at = looked + 1, '(' .. entry[1], f.at
    spend(2)
    if f.user == user then rows[#rows + 1] = { f.type, f.at, f.epoch or '', f.gateway or '', f.reason or '' } end
    if #rows == limit then break end
  end
  if #page < PAGE then
    if #rows < limit then before = '' end
    break
  end
end
commit()
return { rows, before, at }
