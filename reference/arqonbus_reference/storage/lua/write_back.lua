-- Prepare one stream for entries that were accepted elsewhere.
-- KEYS: the stream. ARGV: sequence and SHA-1 of the message of each entry.
-- Gives the stream's last sequence, the stored_at of its newest entry, and how many of the entries it holds already;
-- the sequence -1 where the key holds no stream but another value, which takes no entries.
local key = KEYS[1]
local kind = redis.call('TYPE', key)['ok']
if kind == 'none' then
    return { '0', '0', 0 }
elseif kind ~= 'stream' then
    return { '-1', '0', 0 }
end
local last, stored_at, held = '0', '0', 0
local info = redis.call('XINFO', 'STREAM', key)
for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
        last = string.match(info[i + 1], '^%d+')
    elseif info[i] == 'last-entry' and info[i + 1] then
        stored_at = info[i + 1][2][2]
    end
end
for i = 1, #ARGV, 2 do
    if tonumber(ARGV[i]) > tonumber(last) then
        break
    end
    local id = ARGV[i] .. '-0'
    local entry = redis.call('XRANGE', key, id, id)[1]
    if entry and redis.sha1hex(entry[2][4]) == ARGV[i + 1] then
        held = held + 1
    end
end
return { last, stored_at, held }
