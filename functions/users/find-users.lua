-- KEYS[1] users
-- ARGV[1] prefix · [2] lower bound, [3] upper bound of the ids, as ZRANGEBYLEX takes them · [4] limit
--     [5] text that the ids must contain, ASCII letters in either case, or '' · [6] '1' connected, '0' not connected, '' either
-- Returns {the last id that was looked at, '' at the end, rows as list-users.lua}
-- Atomic because: presence is only valid together with the leases of the same moment.
local MAX_LOOKED_AT, PAGE = 2000, 500
local limit, wanted, presence = tonumber(ARGV[4]), string.lower(ARGV[5]), ARGV[6]
local from, looked, rows, last = ARGV[2], 0, {}, ''
local function page_to(id)
  commit()
  return { id, rows }
end
while looked < MAX_LOOKED_AT do
  local page = redis.call('ZRANGEBYLEX', P .. 'users', from, ARGV[3], 'LIMIT', 0, PAGE)
  for _, user in ipairs(page) do
    looked, last = looked + 1, user
    spend(1, #user)
    if string.find(string.lower(user), wanted, 1, true) then
      local row = user_row(user)
      if presence == '' or (presence == '1') == (row[3] ~= '') then rows[#rows + 1] = row end
      if #rows == limit then return page_to(last) end
    end
  end
  if #page < PAGE then return page_to('') end
  from = '(' .. last
end
return page_to(last)
