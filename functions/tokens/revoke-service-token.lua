-- KEYS[1] users
-- ARGV[1] prefix · [2] id · [3] actor · [4] bound of the audit
-- Returns 1, or 0 when there is no such token
redis.call('ZREM', P .. 'service_tokens', ARGV[2])
if redis.call('DEL', P .. 'service_token:' .. ARGV[2]) == 0 then return 0 end
audit(tonumber(ARGV[4]), ARGV[3], 'token_revoked', 'target', ARGV[2])
return 1
