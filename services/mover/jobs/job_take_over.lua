-- job_take_over.lua - a mover with a free worker takes a job that waits at another mover.
--
-- KEYS: job. ARGV: mover. Check and change are a single step: the mover that had the job
-- finds itself replaced at its next write and stops.
-- Returns 'yours' and the order (packed TransferJob), or two empty texts.

local mover, state, order = unpack(redis.call('HMGET', KEYS[1], 'mover', 'state', 'order'))
if state ~= 'queued' or mover == ARGV[1] or not order then return {'', ''} end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'mover', ARGV[1],
           'beat', time[1] * 1000 + math.floor(time[2] / 1000))
return {'yours', order}
