-- `audit`: a bounded stream of who did what to whom: ids, never contents. Written by the script that does it, so that
-- nothing is done without its record. `most` 0: none is kept.
local function audit(most, by, kind, ...)
  if most == 0 then return end
  redis.call('XADD', P .. 'audit', 'MAXLEN', '~', int(most), '*', 'at', int(now), 'by', by, 'kind', kind, ...)
end

-- a list of ids for a record: the first hundred; how many there are in all is said beside it
local function named(recipients)
  local first = {}
  for i = 1, math.min(#recipients, 100) do first[i] = recipients[i] end
  return cjson.encode(first)
end
