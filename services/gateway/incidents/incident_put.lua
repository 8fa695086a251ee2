-- incident_put.lua - writes an incident, if it still is what the gateway read.
--
-- KEYS: incidents (hash), ids that are firing (set), ended ones (sorted by their end).
-- ARGV: id, incident as read ('' if there was none), new incident, end in ms (0: firing),
--       number of ended incidents to keep, most that may be firing.
-- Compare and write are a single step: of two gateways that report at once, one reads again.
-- Returns 1: written, 0: changed meanwhile, 2: too many are firing.

local id, old, new, ends, kept, most = unpack(ARGV)

if (redis.call('HGET', KEYS[1], id) or '') ~= old then return 0 end
if old == '' and redis.call('SCARD', KEYS[2]) >= tonumber(most) then return 2 end

redis.call('HSET', KEYS[1], id, new)
if ends == '0' then
  redis.call('SADD', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  return 1
end
redis.call('SREM', KEYS[2], id)
redis.call('ZADD', KEYS[3], ends, id)
local surplus = redis.call('ZCARD', KEYS[3]) - tonumber(kept)
if surplus > 0 then
  for _, oldest in ipairs(redis.call('ZRANGE', KEYS[3], 0, surplus - 1)) do
    redis.call('HDEL', KEYS[1], oldest)
    redis.call('ZREM', KEYS[3], oldest)
  end
end
return 1
