-- lease_renew.lua - takes or prolongs the lease of the active scheduler.
--
-- KEYS: lease ("TOKEN:INSTANCE", expires), counter of tokens.
-- ARGV: instance, milliseconds, own token or 0, '1' to take over a lease that an earlier
--       process of the same instance holds.
-- Check and write are a single step: two schedulers cannot both become active. Each new
-- holder gets a higher token, by which records tell an old holder's writes.
-- Returns the token, or the text of the lease that another scheduler holds.

local instance, ms, own_token, takeover = unpack(ARGV)
local held = redis.call('GET', KEYS[1])

if held then
  local token, holder = string.match(held, '^(%d+):(.*)$')
  if holder == instance and token == own_token then
    redis.call('PEXPIRE', KEYS[1], ms)
    return tonumber(token)
  end
  if not (holder == instance and takeover == '1') then return held end
end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], token .. ':' .. instance, 'PX', ms)
return token
