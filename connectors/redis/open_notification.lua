-- Was this notification accepted before? If not, hold its id for a moment, so that of several requests with the same
-- id one is handled and the others wait for it. Reads a recipient on the way, to save a round trip.
-- KEYS: accepted, held, and the recipient's if it is wanted. ARGV: ticket, milliseconds to hold.
-- Returns what is remembered or "", 1 when another ticket holds it, the recipient's JSON or "".
local accepted = redis.call('GET', KEYS[1])
local busy = 0
if not accepted and not redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') then
    if redis.call('GET', KEYS[2]) ~= ARGV[1] then
        busy = 1
    end
end
local recipient = KEYS[3] and redis.call('GET', KEYS[3])
return {accepted or '', busy, recipient or ''}
