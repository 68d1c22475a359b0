-- KEYS: the stream. ARGV: group, consumer, count, bytes. Gives id, stored_at, message, 1 for each entry not given before.
local found = {}
local left, size = tonumber(ARGV[3]), 0
while left > 0 and size < tonumber(ARGV[4]) do
    local chunk = math.min(left, 8)
    local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', chunk, 'STREAMS', KEYS[1], '>')
    local entries = reply and reply[1][2] or {}
    for i = 1, #entries do
        local n, entry = #found, entries[i]
        found[n + 1], found[n + 2], found[n + 3], found[n + 4] = entry[1], entry[2][2], entry[2][4], 1
        size = size + #entry[2][4]
    end
    if #entries < chunk then
        break
    end
    left = left - chunk
end
return found
