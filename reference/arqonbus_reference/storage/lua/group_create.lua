-- KEYS: the stream. ARGV: group, first id, groups allowed per stream. Gives 1 created, 0 it existed, -1 one too many.
if redis.call('EXISTS', KEYS[1]) == 1 then
    local groups = redis.call('XINFO', 'GROUPS', KEYS[1])
    for g = 1, #groups do
        if groups[g][2] == ARGV[1] then
            return 0
        end
    end
    if #groups >= tonumber(ARGV[3]) then
        return -1
    end
end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
return 1
