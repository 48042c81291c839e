-- `audit`: a bounded stream of actor, action and target: ids, never contents. Written by the script that acts, so that
-- no action is without its record. `max` 0: no records are kept.
local function audit(max, by, kind, ...)
  if max == 0 then return end
  redis.call('XADD', P .. 'audit', 'MAXLEN', '~', int(max), '*', 'at', int(now), 'by', by, 'kind', kind, ...)
end

-- a list of ids for a record: the first hundred; the total is recorded beside it
local function named(recipients)
  local first = {}
  for i = 1, math.min(#recipients, 100) do first[i] = recipients[i] end
  return cjson.encode(first)
end
