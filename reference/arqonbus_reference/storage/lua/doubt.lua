-- Look whether entries whose write was never answered did land.
-- KEYS: the stream. ARGV: the last acknowledged sequence, then sequence and SHA-1 of the message of each entry in doubt.
-- Gives how many landed when the stream must be rebuilt without them, 0 when nothing is left to do.
local key = KEYS[1]
if redis.call('TYPE', key)['ok'] ~= 'stream' then
    return 0 -- gone, or somebody put another value in its place: nothing of ours is left
end
local landed = {}
for i = 2, #ARGV, 2 do
    local id = ARGV[i] .. '-0'
    local entry = redis.call('XRANGE', key, id, id)[1]
    if entry and redis.sha1hex(entry[2][4]) == ARGV[i + 1] then
        landed[#landed + 1] = id
    end
end
if #landed == 0 then
    return 0
end
local since = redis.call('XRANGE', key, '(' .. ARGV[1] .. '-0', '+', 'COUNT', #landed + 1)
if #since == #landed then
    return #landed
end
-- Another writer went on behind them: only ours may go, and their sequences stay a hole.
local groups = redis.call('XINFO', 'GROUPS', key)
for i = 1, #landed do
    redis.call('XDEL', key, landed[i])
    for g = 1, #groups do
        redis.call('XACK', key, groups[g][2], landed[i])
    end
end
return 0
