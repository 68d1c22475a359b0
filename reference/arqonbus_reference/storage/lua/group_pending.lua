-- KEYS: the stream. ARGV: group, how many. Gives how many entries are pending, and id, consumer, idle ms, times of the oldest.
local all = redis.call('XPENDING', KEYS[1], ARGV[1])
return { all[1], redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[2]) }
