-- KEYS[1] users
-- ARGV[1] prefix
-- Returns per token {id, name, scopes, recipients, created_by, created_at, expires_at}, the first to expire first
local rows = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'service_tokens', '(' .. int(now / 1000), '+inf')) do
  local f = redis.call('HMGET', P .. 'service_token:' .. id, 'name', 'scopes', 'recipients', 'created_by', 'created_at', 'expires_at')
  if f[1] then rows[#rows + 1] = { id, f[1], f[2], f[3], f[4], f[5], f[6] } end
end
return rows
