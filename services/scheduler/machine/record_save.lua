-- record_save.lua - writes a relocation record, if it still is what the scheduler read.
--
-- KEYS: record, journal, set of records, lease.
-- ARGV: lease, old op ('' if there is no record yet), VM, state, epoch, op, record, '1' to
--       write the journal, old state, time in ms, operation id, actor, reason.
-- All checks and writes are a single step: a scheduler that lost its lease writes nothing,
-- and record, set and journal never disagree.
-- Returns 1, or -1: the lease is another scheduler's, -2: the record has changed, -3: the
-- record has a higher epoch.

local lease, old_op, vm, state, epoch, op, record, journal, old_state, at_ms, op_id, actor,
  reason = unpack(ARGV)

if redis.call('GET', KEYS[4]) ~= lease then return -1 end
if (redis.call('HGET', KEYS[1], 'op') or '') ~= old_op then return -2 end
local stored_epoch = redis.call('HGET', KEYS[1], 'epoch')
if stored_epoch and tonumber(stored_epoch) > tonumber(epoch) then return -3 end

redis.call('HSET', KEYS[1], 'state', state, 'epoch', epoch, 'op', op, 'token', lease,
           'rec', record)
redis.call('SADD', KEYS[3], vm)
if old_op == '' then redis.call('PERSIST', KEYS[2]) end -- record_remove.lua set its end
if journal == '1' then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', 5000, '*', 'from', old_state, 'to', state,
             'epoch', epoch, 'at', at_ms, 'op', op_id, 'by', actor, 'why', reason)
end
return 1
