-- KEYS: where the name of what is remembered is (memory.lua), claims. ARGV: owner, time to live in ms, that name.
-- Returns per claim 0 (new), 1 (ambiguous) or the mark of what it came to; then whether it is still the name.
--
-- c<owner>  claimed. By another owner: left by a process that no longer owns the partition and may have called
-- a<owner>  claimed, and an earlier owner may have called: ambiguous until it has ended
-- r         given back: the attempt ended without effect
-- b         to be a dead letter
-- s d x     ends (streams/domain/claim_marks.py): never overwritten
local owner, ttl = ARGV[1], ARGV[2]
local found, verdicts = redis.call('MGET', unpack(KEYS)), {}
for i = 2, #KEYS do
  local key, value = KEYS[i], found[i]
  local kind = value and string.sub(value, 1, 1)
  if kind == 's' or kind == 'd' or kind == 'x' or kind == 'b' then
    verdicts[i - 1] = value
  else
    local ambiguous = kind == 'a' or (kind == 'c' and string.sub(value, 2) ~= owner)
    verdicts[i - 1] = ambiguous and 1 or 0
    redis.call('SET', key, (ambiguous and 'a' or 'c') .. owner, 'PX', ttl)
  end
end
verdicts[#KEYS] = found[1] == ARGV[3] and 1 or 0
return verdicts
