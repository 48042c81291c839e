-- KEYS[1] users
-- ARGV[1] prefix · [2] only entries before this, or '+' · [3] most
-- Returns entries {id, fields (flat)}, the newest first. A script: every driver answers it alike.
return redis.call('XREVRANGE', P .. 'audit', ARGV[2], '-', 'COUNT', ARGV[3])
