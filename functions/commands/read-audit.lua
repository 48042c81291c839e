-- KEYS[1] users
-- ARGV[1] prefix · [2] only entries before this, or '+' · [3] limit
-- Returns entries {id, fields (flat)}, the newest first. A script, because every driver returns its result in the same form.
return redis.call('XREVRANGE', P .. 'audit', ARGV[2], '-', 'COUNT', ARGV[3])
