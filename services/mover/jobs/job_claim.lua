-- job_claim.lua - a mover claims a transfer job.
--
-- KEYS: job. ARGV: token, mover, seconds to keep the record, order (packed TransferJob).
-- Comparing the token and writing it is a single step: two movers cannot both claim a job,
-- and an older hand-out cannot overwrite a newer one. A claim without a heartbeat for 15 s
-- is void. Tokens are compared as numbers; they stay far below 2^53.
-- Returns 'late', 'taken' or 'yours', and the status stored before.

local token, mover, beat, state, status =
  unpack(redis.call('HMGET', KEYS[1], 'token', 'mover', 'beat', 'state', 'rec'))
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if token then
  local stored, mine = tonumber(token), tonumber(ARGV[1])
  if stored > mine then return {'late', ''} end
  if stored == mine and mover and mover ~= ARGV[2] and beat and
     now - tonumber(beat) < 15000 and state ~= 'done' then
    return {'taken', ''}
  end
end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'mover', ARGV[2], 'beat', now,
           'order', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {'yours', status or ''}
