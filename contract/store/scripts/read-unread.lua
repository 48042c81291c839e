-- KEYS[1] users
-- ARGV[1] prefix · [2] position in `inbox_unread`
-- Returns the records from there on, as many as one call may read: at least one, unless there are none
-- Atomic because: the records follow one another in the list.
local records = {}
while work < STEP_WORK do
  local record = redis.call('LINDEX', P .. 'inbox_unread', tonumber(ARGV[2]) + #records)
  if not record then break end
  records[#records + 1] = record
  spend(1, #record)
end
commit()
return records
