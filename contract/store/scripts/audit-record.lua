-- KEYS[1] users
-- ARGV[1] prefix · [2] bound · [3] actor · [4] kind · [5] target
audit(tonumber(ARGV[2]), ARGV[3], ARGV[4], 'target', ARGV[5])
