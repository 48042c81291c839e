-- An action that an operator asks for is carried out once, and not after its request was refused. `call` is its name: a client
-- sends a call again after a broken connection. '': it has none
-- Returns the answer to the same call before, or 'late' after the deadline (ms of Redis's clock, 0: none); nil: to be carried out
local function earlier_answer(deadline, call)
  local past = call ~= '' and redis.call('GET', P .. 'once:' .. call)
  if past then return cjson.decode(past)[1] end
  if deadline ~= '0' and now > tonumber(deadline) then return 'late' end
end
local function answered(call, answer)
  if call ~= '' then redis.call('SET', P .. 'once:' .. call, cjson.encode({ answer }), 'EX', 600) end
  return answer
end
