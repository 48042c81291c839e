-- KEYS[1] users
-- ARGV[1] prefix, then users
-- Returns per user its token field, as most have one; or the list of them, the newest first: empty without any, and where
-- `user:<id>` is not a hash.
-- Any other error comes from the store and means nothing for tokens: it is returned as it is.
-- One call for many who connect at once: the caller does the check, in constant time.
local tokens = {}
for at = 2, #ARGV do
  local f = redis.pcall('HMGET', P .. 'user:' .. ARGV[at], 'token', 'role', 'more_tokens')
  if f.err then
    if not string.find(f.err, '^-?WRONGTYPE') then return f end
    f = {}
  end
  local found = f[1]
  if not found or f[2] == 'operator' then
    found = {}
    if f[1] then
      found[1] = f[1]
      for i, more in ipairs(more_tokens(f[2], f[3])) do found[i + 1] = more[1] end
    end
  end
  tokens[#tokens + 1] = found
end
return tokens
