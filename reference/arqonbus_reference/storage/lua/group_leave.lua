-- Forget a consumer with nothing pending, and those that have been so for long.
-- KEYS: the stream. ARGV: group, consumer, ms. Gives how many entries are pending to the consumer.
local left = 0
for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local name, pending, idle = row[2], row[4], row[6]
    if name == ARGV[2] then
        left = pending
    end
    if pending == 0 and (name == ARGV[2] or idle > tonumber(ARGV[3])) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], name)
    end
end
return left
