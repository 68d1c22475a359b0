-- KEYS: streams. Gives for each its last sequence (as text) and the stored_at of its newest entry, or 0 and 0.
local found = {}
for k = 1, #KEYS do
    local last, stored_at = '0', '0'
    if redis.call('EXISTS', KEYS[k]) == 1 then
        local info = redis.call('XINFO', 'STREAM', KEYS[k])
        for i = 1, #info, 2 do
            if info[i] == 'last-generated-id' then
                last = string.match(info[i + 1], '^%d+')
            elseif info[i] == 'last-entry' and info[i + 1] then
                stored_at = info[i + 1][2][2]
            end
        end
    end
    found[2 * k - 1] = last
    found[2 * k] = stored_at
end
return found
