-- KEYS: the stream. ARGV: group, ids. Gives how many were pending; NOGROUP, which XACK alone would not say.
redis.call('XPENDING', KEYS[1], ARGV[1])
if #ARGV == 1 then
    return 0
end
return redis.call('XACK', KEYS[1], unpack(ARGV))
