-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] maximum of messages of the mailbox
-- Returns {id, role, gateway, connected_at, last_seen, lost, messages in the mailbox, epoch, form, 1 with a token, its
--     expiry, the first in the mailbox: per message {id, command id, expiry ms}}, or {} for an unknown user
-- Only the heads of messages leave Redis, and no token.
local user, key = ARGV[2], P .. 'user:' .. ARGV[2]
if redis.call('EXISTS', key) == 0 then return {} end
local f = redis.call('HMGET', key, 'role', 'gateway', 'connected_at', 'last_seen', 'lost', 'epoch', 'form', 'token_expires_at')
local waiting, heads = redis.call('ZCARD', P .. 'mailbox:' .. user), {}
for i, member in ipairs(redis.call('ZRANGE', P .. 'mailbox:' .. user, 0, tonumber(ARGV[3]) - 1)) do
  heads[i] = { string.match(member, '^%["(%d+)",(%d+),%d+,(%d+)') }
end
return { user, f[1] or '', live(f[2]) and f[2] or '', f[3] or '', f[4] or '', f[5] or '0', waiting, f[6] or '', f[7] or '',
  redis.call('HEXISTS', key, 'token'), f[8] or '', heads }
