-- Removes what has expired from the mailbox of one user who is away, without waiting for the sweep.
-- KEYS[1] users
-- ARGV[1] prefix · [2] user · [3] OFFLINE_TTL_S · [4] command_id of the message that is asked about
-- Returns 1: there may be more, call again · 0: done, or a session is served from the mailbox
-- Atomic because: a message that a session may be writing at this moment must not end as expired.
local session = redis.call('HMGET', P .. 'user:' .. ARGV[2], 'gateway', 'form', 'expiring')
if live(session[1]) and not (session[2] == 'plain' and tonumber(ARGV[4]) >= 2000) then return 0 end
local has_more = trim(ARGV[2], session[3], tonumber(ARGV[3]))
commit()
return has_more and 1 or 0
