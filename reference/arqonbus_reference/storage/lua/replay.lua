-- The entries of a window of time in one stream, oldest first.
-- KEYS: the stream. ARGV: entries visible, from, to, limit, bytes.
-- Gives whether that is all (1 or 0), the sequence before the window, the one behind it, then id, stored_at, message of each.
local key = KEYS[1]
if redis.call('EXISTS', key) == 0 then
    return { 1, '0', '1' }
end
local from, to, limit, budget = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('XLEN', key) > tonumber(ARGV[1]) then
    redis.call('XTRIM', key, 'MAXLEN', '=', ARGV[1]) -- the bound was lowered since
end

local function sequence_of(entry)
    return tonumber(string.match(entry[1], '^%d+'))
end

local function text(number)
    return string.format('%.0f', number)
end

local function first_from(sequence)
    return redis.call('XRANGE', key, text(sequence) .. '-0', '+', 'COUNT', 1)[1]
end

local info = {}
local raw = redis.call('XINFO', 'STREAM', key)
for i = 1, #raw, 2 do
    info[raw[i]] = raw[i + 1]
end
local bottom, top = info['first-entry'], info['last-entry']
local behind = text(tonumber(string.match(info['last-generated-id'], '^%d+')) + 1)
if not bottom then
    return { 1, '0', behind }
end

-- The first sequence stored at `from` or later: stored_at never decreases along a stream.
local start = sequence_of(bottom)
if tonumber(bottom[2][2]) < from then
    local low, high = start, sequence_of(top) + 1
    while high - low > 1 do
        local middle = math.floor((low + high) / 2)
        local entry = first_from(middle)
        if not entry or tonumber(entry[2][2]) >= from then
            high = middle
        else
            low = sequence_of(entry)
        end
    end
    start = high
end

-- Before the first kept entry nothing is missing unless something was ever removed.
local before = 0
local earlier = redis.call('XREVRANGE', key, text(start - 1) .. '-0', '-', 'COUNT', 1)[1]
if earlier then
    before = sequence_of(earlier)
elseif info['entries-added'] == info['length'] then
    before = sequence_of(bottom) - 1
end

local found = { 1, text(before), behind }
local size = 0
while true do
    local chunk = redis.call('XRANGE', key, text(start) .. '-0', '+', 'COUNT', 64)
    for i = 1, #chunk do
        local entry = chunk[i]
        if tonumber(entry[2][2]) > to then
            found[3] = text(sequence_of(entry))
            return found
        end
        size = size + #entry[2][4]
        local n = #found
        if n > 3 and ((n - 3) / 3 >= limit or size > budget) then
            found[1] = 0
            return found
        end
        found[n + 1], found[n + 2], found[n + 3] = entry[1], entry[2][2], entry[2][4]
    end
    if #chunk < 64 then
        return found
    end
    start = sequence_of(chunk[#chunk]) + 1
end
