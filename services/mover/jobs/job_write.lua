-- job_write.lua - a mover writes the status of its job and reads the operator's requests.
--
-- KEYS: job. ARGV: token, mover, status (packed TransferStatus), state, seconds to keep it.
-- Nothing is written when a newer token exists or another mover has the job: check and write
-- are a single step. The order is removed once the job can no longer be taken over.
-- Returns 'late' or 'yours', then cancel, rate and pause as stored ('' if not).

local token, mover, cancel, rate, pause =
  unpack(redis.call('HMGET', KEYS[1], 'token', 'mover', 'cancel', 'rate', 'pause'))
if token then
  local stored, mine = tonumber(token), tonumber(ARGV[1])
  if stored > mine or (stored == mine and mover and mover ~= ARGV[2]) then
    return {'late', '', '', ''}
  end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'mover', ARGV[2], 'rec', ARGV[3],
           'state', ARGV[4], 'beat', now)
redis.call('EXPIRE', KEYS[1], ARGV[5])
if ARGV[4] ~= 'queued' and ARGV[4] ~= 'paused' then
  redis.call('HDEL', KEYS[1], 'order')
end
return {'yours', cancel or '', rate or '', pause or ''}
