-- KEYS[1] users
-- ARGV[1] prefix, then users
-- Returns per user the token field, or '' where there is none; where `user:<id>` is no hash, too
-- One call for many who connect at once: the check itself is the caller's, in constant time.
local tokens = {}
for at = 2, #ARGV do
  local token = redis.pcall('HGET', P .. 'user:' .. ARGV[at], 'token')
  tokens[#tokens + 1] = type(token) == 'string' and token or ''
end
return tokens
