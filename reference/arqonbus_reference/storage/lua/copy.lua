-- Copy some entries of one stream behind those of another.
-- KEYS: from, to. ARGV: id after which to begin, last id, how many at most. Gives the last id copied, or '' when none was left.
local entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], ARGV[2], 'COUNT', ARGV[3])
for i = 1, #entries do
    redis.call('XADD', KEYS[2], entries[i][1], unpack(entries[i][2]))
end
return #entries > 0 and entries[#entries][1] or ''
