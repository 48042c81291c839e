-- KEYS[1] users
-- ARGV[1] prefix · then users
-- Returns per user {epoch, the epoch of its verify, gateway or '', reason why the previous session ended or ''}
-- Atomic because: the result describes many users at one moment.
local sessions = {}
for at = 2, #ARGV do
  local s = redis.call('HMGET', P .. 'user:' .. ARGV[at], 'epoch', 'gateway', 'ended', 'since')
  sessions[#sessions + 1] = { s[1] or '0', int(since_of(s[4], s[1])), s[2] or '', s[3] or '' }
end
return sessions
