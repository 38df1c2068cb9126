-- KEYS: one. ARGV: a fresh name. Returns the name of what is remembered here, given when there was none.
--
-- It is written each time: a server that only reads, or has no memory left, must not pass for one that is there.
local name = redis.call('GET', KEYS[1]) or ARGV[1]
redis.call('SET', KEYS[1], name)
return name
