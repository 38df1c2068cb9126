-- KEYS: where the name of what is remembered is (memory.lua), claims.
-- ARGV: owner, time to live in ms, that name, then a mark per claim: an end (s..., d..., x...), b... or r to give it back.
-- Returns whether it is still the name.
--
-- The rules are streams/domain/claim_marks.py `marked`. An end is never overwritten. Only the owner can give a claim back,
-- so a zombie cannot reopen a delivery; a claim that was ambiguous stays so. What is not told yet (x, b) does not stand
-- against the claim of another.
local owner, ttl = ARGV[1], ARGV[2]
local found, made = redis.call('MGET', unpack(KEYS)), {}
for i = 2, #KEYS do
  local key, mark, new = KEYS[i], ARGV[i + 2], nil
  local value = made[key] or found[i]
  local kind = value and string.sub(value, 1, 1)
  local own = value and string.sub(value, 2) == owner
  if kind == 's' or kind == 'd' or kind == 'x' then
    new = nil
  elseif mark ~= 'r' then
    local of_another = (kind == 'c' or kind == 'a') and not own and #value > 1
    new = not (of_another and string.find(mark, '^[xb]')) and mark
  elseif own and (kind == 'c' or kind == 'a') then
    new = kind == 'c' and 'r' or 'a'
  end
  if new then
    made[key] = new
    redis.call('SET', key, new, 'PX', ttl)
  end
end
return found[1] == ARGV[3] and 1 or 0
