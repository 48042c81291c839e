-- KEYS[1] users
-- ARGV[1] prefix · then users
-- Returns the current epoch of each
-- Atomic because: one answer for many users.
local epochs = {}
for at = 2, #ARGV do epochs[#epochs + 1] = redis.call('HGET', P .. 'user:' .. ARGV[at], 'epoch') or '0' end
return epochs
