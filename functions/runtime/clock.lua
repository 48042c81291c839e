-- KEYS[1] users
-- ARGV[1] prefix
-- Returns the clock that scripts see, ms. A script, not TIME: in a cluster it asks the node that has the keys.
return int(now)
