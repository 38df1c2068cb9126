-- Puts recipients (KEYS) into the cache unless it holds a newer version: a slow reader never brings an old one back.
-- ARGV: seconds to keep the first one, then per recipient its version and its JSON.
-- Returns per recipient the newer JSON that was kept, or "" when the given one was put.
local kept = {}
for i, key in ipairs(KEYS) do
    local version, value = tonumber(ARGV[2 * i]), ARGV[2 * i + 1]
    local held = redis.call('GET', key)
    local readable, found = pcall(cjson.decode, held or '')
    if readable and type(found) == 'table' and (tonumber(found.version) or -1) > version then
        kept[i] = held
    else
        -- spread over an hour, so that what was filled together does not expire together
        redis.call('SET', key, value, 'EX', tonumber(ARGV[1]) - (i * 397) % 3600)
        kept[i] = ''
    end
end
return kept
