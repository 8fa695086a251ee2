-- record_remove.lua - removes the relocation record of a VM that its owner deleted.
--
-- KEYS: record, journal, set of records, lease.
-- ARGV: lease, op, VM, state, epoch, time in ms, actor, reason.
-- All checks and writes are a single step, as in record_save.lua. The journal stays for 30
-- days.
-- Returns 1, or -1: the lease is another scheduler's, -2: the record has changed.

local lease, op, vm, state, epoch, at_ms, actor, reason = unpack(ARGV)

if redis.call('GET', KEYS[4]) ~= lease then return -1 end
if redis.call('HGET', KEYS[1], 'op') ~= op then return -2 end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[3], vm)
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 5000, '*', 'from', state, 'to', '0', 'epoch',
           epoch, 'at', at_ms, 'op', vm .. '/' .. op, 'by', actor, 'why', reason)
redis.call('EXPIRE', KEYS[2], 30 * 24 * 3600)
return 1
