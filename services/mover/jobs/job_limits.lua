-- job_limits.lua - limits on concurrent copies, over all movers.
--
-- KEYS[1] is a hash: job -> JSON entry. ARGV[1] is the request: 'request', 'leave' or 'find'.
-- Reading all entries and writing one is a single step, so that two movers cannot both take
-- the last place on a host. An entry that its mover stopped refreshing is removed: after
-- 15 s if the job runs, after 5 s if it waits. Times are those of the Redis server, in ms.
--
-- Entry: running, ready (its mover has a free worker), priority, since (when it was queued),
-- beat (last refresh), mover, source, target, link; job is the field of the hash.

local ends = {'source', 'target', 'link'}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function read()
  local running, waiting = {}, {}
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local valid, e = pcall(cjson.decode, all[i + 1])
    if not valid or not e.beat or now - e.beat > (e.running and 15000 or 5000) then
      redis.call('HDEL', KEYS[1], all[i])
    else
      e.job = all[i]
      table.insert(e.running and running or waiting, e)
    end
  end
  return running, waiting
end

-- Jobs counted so far by source host, target host and link.
local used = {source = {}, target = {}, link = {}}

local function count(e)
  for _, k in ipairs(ends) do
    used[k][e[k]] = (used[k][e[k]] or 0) + 1
  end
end

-- The first limit that leaves no place for e, as text; nil if there is a place.
local function limit_reached(e, max)
  for _, k in ipairs(ends) do
    if (used[k][e[k]] or 0) >= max[k] then return k .. ' ' .. e[k] end
  end
end

local function is_before(a, b)
  if a.priority ~= b.priority then return a.priority > b.priority end
  if a.since ~= b.since then return a.since < b.since end
  return a.job < b.job
end

local function limits(first)
  return {source = tonumber(ARGV[first]), target = tonumber(ARGV[first + 1]),
          link = tonumber(ARGV[first + 2])}
end

-- ARGV: job, mover, priority, source, target, link, ready ('1' or '0'), three limits.
-- Enters the job or refreshes its entry. Returns 'go' or 'wait', number of running jobs on
-- the same ends, the limit that was reached, number of jobs ahead, time of queueing.
local function request()
  local me = {job = ARGV[2], mover = ARGV[3], priority = tonumber(ARGV[4]),
              source = ARGV[5], target = ARGV[6], link = ARGV[7],
              ready = ARGV[8] == '1', since = now, beat = now}
  local max = limits(9)
  local running, waiting = read()
  local beside, ahead, reached = 0, 0, nil
  for _, e in ipairs(running) do
    if e.job ~= me.job then
      count(e)
      if e.source == me.source or e.target == me.target or e.link == me.link then
        beside = beside + 1
      end
    elseif e.mover == me.mover then
      me.running, me.since = true, e.since
    end
  end
  local queue = {}
  for _, e in ipairs(waiting) do
    if e.job == me.job then me.since = e.since elseif e.ready then table.insert(queue, e) end
  end
  if not me.running then
    -- jobs ahead that could start keep their place
    table.sort(queue, is_before)
    for _, e in ipairs(queue) do
      if not is_before(e, me) then break end
      ahead = ahead + 1
      if not limit_reached(e, max) then count(e) end
    end
    reached = limit_reached(me, max)
    me.running = me.ready and not reached
  end
  redis.call('HSET', KEYS[1], me.job, cjson.encode(me))
  return {me.running and 'go' or 'wait', tostring(beside), reached or '', tostring(ahead),
          string.format('%.0f', me.since)}
end

-- ARGV: job, mover. Removes the entry unless another mover has the job by now.
local function leave()
  local text = redis.call('HGET', KEYS[1], ARGV[2])
  if text and cjson.decode(text).mover == ARGV[3] then
    redis.call('HDEL', KEYS[1], ARGV[2])
  end
  return {'ok'}
end

-- ARGV: mover, three limits. Returns a job that could start but whose mover has no free
-- worker, or ''.
local function find()
  local max = limits(3)
  local running, waiting = read()
  for _, e in ipairs(running) do count(e) end
  table.sort(waiting, is_before)
  for _, e in ipairs(waiting) do
    if not limit_reached(e, max) then
      if not e.ready and e.mover ~= ARGV[2] and now - e.since > 300 then return {e.job} end
      count(e)
    end
  end
  return {''}
end

return ({request = request, leave = leave, find = find})[ARGV[1]]()
