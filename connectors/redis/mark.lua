-- KEYS: claims. ARGV: owner, time to live in ms, then a mark per key: an end (s..., d..., x) or r to give a claim back.
--
-- An end is never overwritten. Only the owner can give a claim back, so a zombie cannot reopen a delivery; a claim that
-- was ambiguous stays so.
local owner, ttl = ARGV[1], ARGV[2]
local found = redis.call('MGET', unpack(KEYS))
for i, key in ipairs(KEYS) do
  local value, mark = found[i], ARGV[i + 2]
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
