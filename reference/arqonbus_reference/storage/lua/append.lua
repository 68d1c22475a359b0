-- Append a batch: all of it, or nothing.
-- KEYS: the writer's fence, the registry of streams, the streams.
-- ARGV: epoch, entries kept per stream, length of the stream key prefix;
--       then for each stream: the sequence that precedes, how many entries, and for each of these id, stored_at, message.
-- Gives 0; -1 when the epoch is stale; or the number of the first stream that does not stand where the batch begins (a key that
-- holds no stream stands nowhere; a command that failed on it would leave the whole batch in doubt).
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return -1
end
local at = 4
for k = 3, #KEYS do
    local last = '0-0'
    local kind = redis.call('TYPE', KEYS[k])['ok']
    if kind ~= 'none' and kind ~= 'stream' then
        return k - 2
    end
    if kind == 'stream' then
        local info = redis.call('XINFO', 'STREAM', KEYS[k])
        for i = 1, #info, 2 do
            if info[i] == 'last-generated-id' then
                last = info[i + 1]
                break
            end
        end
    end
    if last ~= ARGV[at] .. '-0' then
        return k - 2
    end
    at = at + 2 + 3 * tonumber(ARGV[at + 1])
end
at = 4
for k = 3, #KEYS do
    local key = KEYS[k]
    if ARGV[at] == '0' then
        -- Before the first entry: no entry is ever out of the registry's sight.
        redis.call('ZADD', KEYS[2], 0, string.sub(key, ARGV[3] + 1))
    end
    local final = at + 2 + 3 * (tonumber(ARGV[at + 1]) - 1)
    for i = at + 2, final - 3, 3 do
        redis.call('XADD', key, ARGV[i], 't', ARGV[i + 1], 'm', ARGV[i + 2])
    end
    redis.call('XADD', key, 'MAXLEN', '=', ARGV[2], ARGV[final], 't', ARGV[final + 1], 'm', ARGV[final + 2])
    at = final + 3
end
return 0
