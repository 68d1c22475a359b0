-- The newest entries of several streams together, the newest first.
-- KEYS: the streams, in the order of the view.
-- ARGV: entries visible per stream, limit, bytes, since; then for each stream its latest stored_at and last sequence.
-- Gives whether there are more (1 or 0), then for each entry: number of its stream, id, stored_at, message.
local visible, limit, budget, since = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local function id(sequence)
    return string.format('%.0f-0', sequence)
end

local function sequence_of(entry)
    return tonumber(string.match(entry[1], '^%d+'))
end

local function stored_at(entry)
    return tonumber(entry[2][2])
end

local function newest(key, last, count)
    return redis.call('XREVRANGE', key, id(last), '-', 'COUNT', count)
end

-- The last sequence not stored after `latest`, or nil: stored_at never decreases along a stream.
local function reach(key, latest, last)
    local top = newest(key, last, 1)[1]
    if not top then
        return nil
    end
    if stored_at(top) <= latest then
        return last
    end
    local bottom = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
    if stored_at(bottom) > latest then
        return nil
    end
    local low, high = sequence_of(bottom), sequence_of(top)
    while high - low > 1 do
        local middle = math.floor((low + high) / 2)
        local entry = newest(key, middle, 1)[1]
        if stored_at(entry) <= latest then
            low = middle
        else
            high = sequence_of(entry)
        end
    end
    return low
end

-- Move the reader to its next older entry; false when there is none.
local function advance(reader)
    reader.at = reader.at + 1
    if reader.at > #reader.entries then
        if reader.next < 0 then
            return false
        end
        reader.entries = newest(KEYS[reader.k], reader.next, reader.chunk)
        reader.at = 1
        reader.next = #reader.entries < reader.chunk and -1 or sequence_of(reader.entries[#reader.entries]) - 1
        reader.chunk = 16
        if #reader.entries == 0 then
            return false
        end
    end
    reader.stored_at = stored_at(reader.entries[reader.at])
    return reader.stored_at >= since
end

-- A heap of readers, the one with the newest entry on top.
local heap = {}

local function newer(a, b)
    if a.stored_at ~= b.stored_at then
        return a.stored_at > b.stored_at
    end
    return a.k > b.k
end

local function rise(i)
    while i > 1 do
        local parent = math.floor(i / 2)
        if not newer(heap[i], heap[parent]) then
            return
        end
        heap[i], heap[parent] = heap[parent], heap[i]
        i = parent
    end
end

local function sink()
    local i = 1
    while true do
        local child = 2 * i
        if child > #heap then
            return
        end
        if child < #heap and newer(heap[child + 1], heap[child]) then
            child = child + 1
        end
        if not newer(heap[child], heap[i]) then
            return
        end
        heap[i], heap[child] = heap[child], heap[i]
        i = child
    end
end

for k = 1, #KEYS do
    if redis.call('XLEN', KEYS[k]) > visible then
        redis.call('XTRIM', KEYS[k], 'MAXLEN', '=', visible) -- the bound was lowered since
    end
    local last = reach(KEYS[k], tonumber(ARGV[2 * k + 3]), tonumber(ARGV[2 * k + 4]))
    if last then
        local reader = { k = k, entries = {}, at = 0, next = last, chunk = #KEYS == 1 and 64 or 1 }
        if advance(reader) then
            heap[#heap + 1] = reader
            rise(#heap)
        end
    end
end

local found = { 0 }
local size = 0
while #heap > 0 do
    local reader = heap[1]
    local entry = reader.entries[reader.at]
    size = size + #entry[2][4]
    if #found > 1 and ((#found - 1) / 4 >= limit or size > budget) then
        found[1] = 1
        break
    end
    local n = #found
    found[n + 1], found[n + 2], found[n + 3], found[n + 4] = reader.k, entry[1], entry[2][2], entry[2][4]
    if not advance(reader) then
        heap[1] = heap[#heap]
        heap[#heap] = nil
    end
    sink()
end
return found
