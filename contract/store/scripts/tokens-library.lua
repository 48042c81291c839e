-- The tokens of a user: `token`, the newest, with `token_expires_at`; and of an operator up to nine more in `more_tokens`, the
-- newest first: 'sha256:<hex> <expires, Unix s> …'. Another role has one token: `more_tokens` is ignored.
local MORE_TOKENS = 9

-- Returns the list of {token, expires} that are valid in addition to the newest.
local function more_tokens(role, field)
  local list = {}
  if role ~= 'operator' then return list end
  for token, expires in string.gmatch(field or '', '(sha256:%x+) (%d+)') do
    if tonumber(expires) * 1000 > now and #list < MORE_TOKENS then list[#list + 1] = { token, expires } end
  end
  return list
end

local function keep_more_tokens(key, list)
  local words = {}
  for i = 1, math.min(#list, MORE_TOKENS) do words[i] = list[i][1] .. ' ' .. list[i][2] end
  if #words == 0 then redis.call('HDEL', key, 'more_tokens')
  else redis.call('HSET', key, 'more_tokens', table.concat(words, ' ')) end
end

-- Returns whether `token` is valid according to {token, token_expires_at, role, more_tokens}.
local function is_valid_token(token, f)
  if token and f[1] == token and not (f[2] and (tonumber(f[2]) or 0) * 1000 <= now) then return true end
  for _, more in ipairs(more_tokens(f[3], f[4])) do if more[1] == token then return true end end
  return false
end

-- A new `token` of a user; `expires` is Unix s, or '' for none. The older one of an operator stays valid beside it.
local USUAL_TTL = 2592000
local function replace_token(key, token, expires)
  local was = redis.call('HMGET', key, 'token', 'token_expires_at', 'role', 'more_tokens')
  local more = more_tokens(was[3], was[4])
  if was[3] == 'operator' and was[1] and string.find(was[1], '^sha256:%x+$') then
    -- one without an expiry gets a usual one
    local ends = was[2] or int(math.floor(now / 1000) + USUAL_TTL)
    if (tonumber(ends) or 0) * 1000 > now then table.insert(more, 1, { was[1], ends }) end
  end
  keep_more_tokens(key, more)
  redis.call('HSET', key, 'token', token)
  if expires == '' then redis.call('HDEL', key, 'token_expires_at') else redis.call('HSET', key, 'token_expires_at', expires) end
end
