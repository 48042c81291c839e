-- Lets a script go on when the store is full, because it only renews, removes, or moves what was accepted before.
--
-- Redis looks at its memory limit at the first write of a script that could need memory, and at no later one. This write
-- comes first and needs no memory: the key never exists. The flag `allow-oom` has the same effect, from Redis 7 on.
redis.call('DEL', P .. 'none')
