-- lease_release.lua - releases the lease if the caller still holds it.
--
-- KEYS: lease. ARGV: lease text. Check and delete are a single step: a lease that expired
-- and went to another scheduler is left alone.

if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
