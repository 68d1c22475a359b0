-- Put a copy that ends earlier in the place of a stream, with its groups and what is pending in them.
-- (XDEL alone would leave the deleted sequences used: a server refuses to set a stream's last id back below a deleted one.)
-- KEYS: the stream, its copy. ARGV: the last sequence to remain, how many entries are left out.
local key, copy, last = KEYS[1], KEYS[2], tonumber(ARGV[1])
local groups = redis.call('XINFO', 'GROUPS', key)
if last == 0 and #groups == 0 then
    redis.call('DEL', key, copy)
    return 0
end

local added = 0
local info = redis.call('XINFO', 'STREAM', key)
for i = 1, #info, 2 do
    if info[i] == 'entries-added' then
        added = info[i + 1]
    end
end
if redis.call('EXISTS', copy) == 0 then
    redis.call('XGROUP', 'CREATE', copy, 'made-and-gone', '0', 'MKSTREAM')
    redis.call('XGROUP', 'DESTROY', copy, 'made-and-gone')
end
if added > 0 then
    redis.call('XSETID', copy, ARGV[1] .. '-0', 'ENTRIESADDED', added - ARGV[2], 'MAXDELETEDID', '0-0')
else
    redis.call('XSETID', copy, ARGV[1] .. '-0') -- servers before 7.0 do not count
end

local function sequence_of(id)
    return tonumber(string.match(id, '^%d+'))
end

for g = 1, #groups do
    local group = {}
    for i = 1, #groups[g], 2 do
        group[groups[g][i]] = groups[g][i + 1]
    end
    local delivered = group['last-delivered-id']
    if sequence_of(delivered) > last then
        delivered = ARGV[1] .. '-0'
    end
    redis.call('XGROUP', 'CREATE', copy, group['name'], delivered)
    local from = '-'
    repeat
        local pending = redis.call('XPENDING', key, group['name'], from, '+', 1000)
        for i = 1, #pending do
            local id, consumer, idle, times = unpack(pending[i])
            if sequence_of(id) <= last then
                redis.call('XCLAIM', copy, group['name'], consumer, 0, id, 'IDLE', idle, 'RETRYCOUNT', times, 'FORCE', 'JUSTID')
            end
            from = '(' .. id
        end
    until #pending < 1000
end
redis.call('RENAME', copy, key)
return 0
