-- KEYS: the stream. ARGV: group, consumer, min idle ms, count, bytes, owner or '', 1 to take the own ones too.
-- Gives id, stored_at, message, delivery count for each. Consumers left with nothing pending are forgotten.
local key, group, consumer, idle = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local count, budget = tonumber(ARGV[4]), tonumber(ARGV[5])
local rows_looked_at = 4096
local found, donors = {}, {}
local size, from = 0, '-'
redis.call('XPENDING', key, group)

local function take(id, times)
    local entry = redis.call('XCLAIM', key, group, consumer, idle, id)[1]
    if entry and entry[2] then -- else it was trimmed: gone, and pending no more
        local n = #found
        found[n + 1], found[n + 2], found[n + 3], found[n + 4] = id, entry[2][2], entry[2][4], times + 1
        size = size + #entry[2][4]
    end
end

repeat
    local query = { 'XPENDING', key, group, 'IDLE', idle, from, '+', 128 }
    if ARGV[6] ~= '' then
        query[9] = ARGV[6]
    end
    local rows = redis.call(unpack(query))
    rows_looked_at = rows_looked_at - 128
    for i = 1, #rows do
        if #found / 4 >= count or size >= budget then
            rows = {}
            break
        end
        local id, owner, _, times = unpack(rows[i])
        from = '(' .. id
        if owner ~= consumer or ARGV[7] == '1' then
            take(id, times)
            donors[owner] = true
        end
    end
until #rows < 128 or rows_looked_at <= 0

donors[consumer] = nil
if next(donors) then
    for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', key, group)) do
        if donors[row[2]] and row[4] == 0 then
            redis.call('XGROUP', 'DELCONSUMER', key, group, row[2])
        end
    end
end
return found
