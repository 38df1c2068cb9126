-- One process tells of its calls to a provider and learns how the breaker stands: the rules of streams/domain/breaker.py,
-- whose tests this script passes.
-- KEYS: the breaker. ARGV: now in ms ("" = this server's clock), ms to keep it,
--   policy: ms of a slice, slices, min_calls, failing_percent, slow_percent, open_for, open_at_most, probes, probe_within,
--           in_a_row
--   tally:  calls, failed, slow, turn, probes_passed, probes_failed, well, in_a_row;  then how many probes are wanted.
-- Kept as text: state since turn failed_turns given passed in_a_row, then number:calls:failed:slow per slice, rising.
-- What cannot be read counts as not there: closed.
-- Returns that text, how many probes were granted, and now.
local a = {}
for i = 1, #ARGV do a[i] = tonumber(ARGV[i]) end
local now = a[1]
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local slice_ms, span, min_calls, failing, slow_at = a[3], a[4], a[5], a[6], a[7]
local open_for, open_at_most, probes, probe_within, row_at = a[8], a[9], a[10], a[11], a[12]
local calls, failed, slow, told_turn, told_passed, told_failed = a[13], a[14], a[15], a[16], a[17], a[18]
local well, told_row, wanted = a[19], a[20], a[21]
local CLOSED, HALF_OPEN, OPEN = 0, 1, 2

-- nil: not as we write it, but perhaps as another version of us did
local function read(text)
  local head, slices = {}, {}
  for word in string.gmatch(text, '%S+') do
    if #head < 7 then
      if not string.find(word, '^%d+$') then return nil end
      head[#head + 1] = tonumber(word)
    else
      local n, c, f, s = string.match(word, '^(%d+):(%d+):(%d+):(%d+)$')
      if not n then return nil end
      slices[#slices + 1] = {tonumber(n), tonumber(c), tonumber(f), tonumber(s)}
    end
  end
  if #head == 7 and head[1] <= OPEN then return head, slices end
end

local kept = redis.call('GET', KEYS[1])
local head, slices
if kept then head, slices = read(kept) end
if not head then head, slices = {0, 0, 0, 0, 0, 0, 0}, {} end
local state, since, turn, failed_turns, given, passed, row = unpack(head)

-- moved_on
local waited = now - since
local open_ms = math.min(open_for * 2 ^ math.min(failed_turns, 16), open_at_most)
if (state == OPEN and waited >= open_ms) or (state == HALF_OPEN and given > passed and waited >= probe_within) then
  state, since, turn, given, passed = HALF_OPEN, now, turn + 1, 0, 0
end

-- counted
if state == CLOSED then
  local number, recent = math.floor(now / slice_ms), {}
  for _, each in ipairs(slices) do
    if each[1] > number - span then recent[#recent + 1] = each end
  end
  slices = recent
  if calls > 0 then
    local last = slices[#slices]
    if not last or last[1] < number then
      last = {number, 0, 0, 0}
      slices[#slices + 1] = last
    end
    last[2], last[3], last[4] = last[2] + calls, last[3] + failed, last[4] + slow
  end
  local c, f, s = 0, 0, 0
  for _, each in ipairs(slices) do c, f, s = c + each[2], f + each[3], s + each[4] end
  if well > 0 then row = 0 end
  row = row + told_row
  local enough = c >= math.max(1, min_calls)
  if enough and (100 * f >= failing * c or 100 * s >= slow_at * c) or row_at > 0 and row >= row_at then
    state, since, failed_turns, given, passed, slices, row = OPEN, now, 0, 0, 0, {}, 0
  end
elseif state == HALF_OPEN and told_turn == turn then
  if told_failed > 0 then
    state, since, failed_turns, given, passed = OPEN, now, failed_turns + 1, 0, 0
  else
    passed = passed + told_passed
    if passed >= probes then state, since, failed_turns, given, passed = CLOSED, now, 0, 0, 0 end
  end
end

local granted = 0
if state == HALF_OPEN then
  granted = math.max(0, math.min(wanted, probes - given))
  if granted > 0 then given, since = given + granted, now end
end

local words = {}
for _, each in ipairs({state, since, turn, failed_turns, given, passed, row}) do words[#words + 1] = string.format('%.0f', each) end
for _, e in ipairs(slices) do words[#words + 1] = string.format('%.0f:%.0f:%.0f:%.0f', e[1], e[2], e[3], e[4]) end
local text = table.concat(words, ' ')
if text ~= kept then redis.call('SET', KEYS[1], text, 'PX', ARGV[2]) end
return {text, granted, string.format('%.0f', now)}
