-- KEYS: claims. ARGV: time to live in ms, then per key a claim that was made elsewhere and its age in ms.
--
-- The rules are streams/domain/claim_marks.py `adopted`: what is here becomes never weaker. Ages are durations, so no two
-- clocks are compared.
local ttl = tonumber(ARGV[1])
local found = redis.call('MGET', unpack(KEYS))
local function is_end(kind)
  return kind == 's' or kind == 'd' or kind == 'x'
end
local function adopted(key, there, left, age)
  local kind, owner = string.sub(left, 1, 1), string.sub(left, 2)
  local was = there and string.sub(there, 1, 1)
  if is_end(was) or left == 'u' then
    return there
  elseif is_end(kind) then
    return left
  elseif was == 'b' or kind == 'b' then
    return kind == 'b' and left or there
  end
  local older = (kind == 'r' or was == 'r') and ttl - redis.call('PTTL', key) > age
  if kind == 'r' then
    return there == 'c' .. owner and older and 'r' or there
  elseif was == 'r' and not older then
    return there
  end
  local sure = kind ~= 'a' and (not there or was == 'r' or there == 'c' .. owner)
  return (sure and 'c' or 'a') .. owner
end
for i, key in ipairs(KEYS) do
  local value = adopted(key, found[i], ARGV[i * 2], tonumber(ARGV[i * 2 + 1]))
  if value ~= found[i] then
    redis.call('SET', key, value, 'PX', ttl)
  end
end
