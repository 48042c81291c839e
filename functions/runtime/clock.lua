-- KEYS[1] users
-- ARGV[1] prefix
-- Returns the clock of scripts, ms. A script, not TIME: in a cluster it runs on the node with the keys.
return int(now)
