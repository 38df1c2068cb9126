-- KEYS: where the name of what is remembered is (memory.lua), claims.
-- ARGV: owner, time to live in ms, that name, then a mark per claim: an end (s..., d..., x...), b... or r to give it back.
-- Returns whether it is still the name.
--
-- An end is never overwritten. Only the owner can give a claim back, so a zombie cannot reopen a delivery; a claim that
-- was ambiguous stays so.
local owner, ttl = ARGV[1], ARGV[2]
local found = redis.call('MGET', unpack(KEYS))
for i = 2, #KEYS do
  local key, value, mark = KEYS[i], found[i], ARGV[i + 2]
  local kind = value and string.sub(value, 1, 1)
  local ended = kind == 's' or kind == 'd' or kind == 'x'
  local own = value and string.sub(value, 2) == owner
  if not ended and mark ~= 'r' then
    redis.call('SET', key, mark, 'PX', ttl)
  elseif kind == 'c' and own then
    redis.call('SET', key, 'r', 'PX', ttl)
  elseif kind == 'a' and own then
    redis.call('SET', key, 'a', 'PX', ttl)
  end
end
return found[1] == ARGV[3] and 1 or 0
