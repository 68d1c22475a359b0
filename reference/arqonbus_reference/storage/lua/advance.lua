-- Let a stream go on behind a sequence whose entries were lost: it was given to readers and is never used again.
-- KEYS: the stream, the registry. ARGV: the sequence, the stream's name in the registry. Gives 0.
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'none' and kind ~= 'stream' then
    return 0 -- another value stands there: no sequence can be given behind it
end
if kind == 'none' then
    redis.call('ZADD', KEYS[2], 0, ARGV[2])
    redis.call('XGROUP', 'CREATE', KEYS[1], 'made-and-gone', '0', 'MKSTREAM')
    redis.call('XGROUP', 'DESTROY', KEYS[1], 'made-and-gone')
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' and tonumber(string.match(info[i + 1], '^%d+')) < tonumber(ARGV[1]) then
        redis.call('XSETID', KEYS[1], ARGV[1] .. '-0')
    end
end
return 0
