-- KEYS: the registry. ARGV: lexical bounds, how many at most. Gives names of streams in order.
return redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
