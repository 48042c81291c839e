-- KEYS[1] users
-- ARGV[1] prefix · [2] deadline, [3] name of this call: see action-library.lua · [4] bound of the audit stream, 0: none is kept
--     [5] who asks · [6] id
-- Returns 1, 0 when there is no such token, or 'late'
local past = earlier_answer(ARGV[2], ARGV[3])
if past then return past end
redis.call('ZREM', P .. 'service_tokens', ARGV[6])
if redis.call('DEL', P .. 'service_token:' .. ARGV[6]) == 0 then return 0 end
audit(tonumber(ARGV[4]), ARGV[5], 'token_revoked', 'target', ARGV[6])
return answered(ARGV[3], 1)
