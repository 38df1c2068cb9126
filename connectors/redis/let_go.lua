-- Remember an accepted notification (the first one stays) unless ARGV[2] is "", and let go of its id.
-- KEYS: accepted, held. ARGV: ticket, JSON or "", seconds to remember.
if ARGV[2] ~= '' then
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3], 'NX')
end
if redis.call('GET', KEYS[2]) == ARGV[1] then
    redis.call('DEL', KEYS[2])
end
return 1
