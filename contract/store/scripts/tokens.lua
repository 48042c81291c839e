-- KEYS[1] users
-- ARGV[1] prefix, then users
-- Returns per user the token field, or '' where there is none; where `user:<id>` is no hash, too. Any other refusal is of the
-- store, and says nothing about tokens: it is the reply.
-- One call for many who connect at once: the check itself is the caller's, in constant time.
local tokens = {}
for at = 2, #ARGV do
  local token = redis.pcall('HGET', P .. 'user:' .. ARGV[at], 'token')
  if type(token) == 'table' and token.err and not string.find(token.err, '^-?WRONGTYPE') then return token end
  tokens[#tokens + 1] = type(token) == 'string' and token or ''
end
return tokens
