-- Deletes the failures of a pair and records the address as known, for the script that writes the token.
local KNOWN_SECONDS = 2592000
local function succeeded(pair, known)
  redis.call('DEL', pair)
  redis.call('SET', known, '1', 'EX', KNOWN_SECONDS)
end
