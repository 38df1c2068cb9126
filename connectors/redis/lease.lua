-- Leases tokens (GCRA): the arithmetic of streams/domain/rate_limit.py, whose tests this script passes.
-- KEYS: buckets, one after another for all asks. ARGV: now in us ("" = this server's clock), then per ask how many tokens
-- are wanted (negative: given back) and how many buckets it names, then per bucket the us between two tokens and the burst.
-- Returns per ask: granted, us until there is one more, and which bucket has to wait, from 0 (0, -1: all were granted).
local now, longer = tonumber(ARGV[1]), 60000 -- ms: a caller's clock may go slower than this server's
if not now then
  longer = 0
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local arrivals, limits, answer, key, arg = {}, {}, {}, 0, 1
while arg < #ARGV do
  local wanted, count = tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2])
  arg = arg + 2
  local granted, first = wanted, key + 1
  for i = first, first + count - 1 do
    local name, interval, burst = KEYS[i], tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2])
    arg = arg + 2
    limits[i] = {interval, burst}
    arrivals[name] = math.max(arrivals[name] or tonumber(redis.call('GET', name) or 0), now)
    local free = math.floor((now + interval * burst - arrivals[name]) / interval)
    granted = math.min(granted, math.max(0, free))
  end
  local wait, held_by = 0, -1
  for i = first, first + count - 1 do
    local name, interval, burst = KEYS[i], limits[i][1], limits[i][2]
    arrivals[name] = arrivals[name] + granted * interval
    local until_next = arrivals[name] + interval * (1 - burst) - now
    if until_next > wait then wait, held_by = until_next, i - first end
  end
  key = first + count - 1
  answer[#answer + 1] = granted
  answer[#answer + 1] = granted < wanted and wait or 0
  answer[#answer + 1] = granted < wanted and held_by or -1
end
for name, arrival in pairs(arrivals) do
  if arrival > now then
    redis.call('SET', name, string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000) + longer)
  else
    redis.call('DEL', name)
  end
end
return answer
