-- KEYS: the registry. ARGV: what stream keys begin with, first rank, last rank. Gives how many streams, and their entries.
local names = redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[3])
local entries = 0
for i = 1, #names do
    entries = entries + redis.call('XLEN', ARGV[1] .. names[i])
end
return { #names, entries }
