-- train_queue.lua - the queue of training jobs that all predictors share.
--
-- KEYS: open jobs (stream with group 'predictors'), jobs given up (stream), reasons of the
--       newest failed try (hash), the model, the previous model.
-- ARGV[1] is the request; each function names the rest. Every request is a single step: a
-- job has one holder at any time, and a predictor that lost its claim changes nothing.

local jobs, given_up, reasons = KEYS[1], KEYS[2], KEYS[3]
local group = 'predictors'

local function field(fields, name)
  for i = 1, #fields, 2 do if fields[i] == name then return fields[i + 1] end end
  return ''
end

local function make_group()
  pcall(redis.call, 'XGROUP', 'CREATE', jobs, group, '0', 'MKSTREAM')
end

local function is_ours(predictor, id)
  local p = redis.call('XPENDING', jobs, group, id, id, 1)
  return p[1] and p[1][2] == predictor
end

local function remove(id)
  redis.call('XACK', jobs, group, id)
  redis.call('XDEL', jobs, id)
  redis.call('HDEL', reasons, id)
end

-- ARGV: model, why, quiet ms. Adds a job unless one is open for the model, or was given up
-- within the quiet time. Returns 1 if added.
local function add()
  local _, model, why, quiet_ms = unpack(ARGV)
  make_group()
  for _, e in ipairs(redis.call('XRANGE', jobs, '-', '+', 'COUNT', 1000)) do
    if field(e[2], 'model') == model then return 0 end
  end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for _, e in ipairs(redis.call('XREVRANGE', given_up, '+', '-', 'COUNT', 100)) do
    local at_ms = tonumber(string.match(e[1], '^(%d+)'))
    if field(e[2], 'model') == model and now - at_ms < tonumber(quiet_ms) then return 0 end
  end
  redis.call('XADD', jobs, '*', 'model', model, 'why', why)
  return 1
end

-- ARGV: predictor, model, claim ms, tries, number of given-up jobs to keep. Claims a job
-- whose claim was not renewed, or a new one; jobs that had all their tries are given up.
-- Jobs of other models stay for predictors that have those. Returns id ('' if there is no
-- job), tries, why, number of jobs given up, reason of the last of them.
local function claim()
  local _, predictor, model, claim_ms, tries, kept = unpack(ARGV)
  local n_given_up, reason = 0, ''

  local function give_up(id, fields)
    reason = redis.call('HGET', reasons, id) or 'its replica died'
    for _, text in ipairs({'job', id, 'reason', reason}) do table.insert(fields, text) end
    redis.call('XADD', given_up, 'MAXLEN', '~', kept, '*', unpack(fields))
    remove(id)
    n_given_up = n_given_up + 1
  end

  make_group()
  local late = redis.call('XPENDING', jobs, group, 'IDLE', claim_ms, '-', '+', 100)
  for _, p in ipairs(late) do
    local id, n_tries = p[1], p[4]
    local e = redis.call('XRANGE', jobs, id, id)[1]
    if not e then
      redis.call('XACK', jobs, group, id)
    elseif field(e[2], 'model') == model then
      if n_tries >= tonumber(tries) then
        give_up(id, e[2])
      else
        redis.call('XCLAIM', jobs, group, predictor, 0, id, 'RETRYCOUNT', n_tries + 1)
        return {id, n_tries + 1, field(e[2], 'why'), n_given_up, reason}
      end
    end
  end

  local new = redis.call('XREADGROUP', 'GROUP', group, predictor, 'COUNT', 1, 'STREAMS',
                         jobs, '>')
  local e = new and new[1] and new[1][2][1]
  if not e then return {'', 0, '', n_given_up, reason} end
  if field(e[2], 'model') ~= model then
    redis.call('XCLAIM', jobs, group, predictor, 0, e[1], 'IDLE', claim_ms,
               'RETRYCOUNT', 0, 'JUSTID')
    return {'', 0, '', n_given_up, reason}
  end
  return {e[1], 1, field(e[2], 'why'), n_given_up, reason}
end

-- The following return 1, or 0 if the predictor no longer holds the job.

-- ARGV: predictor, id. Prolongs the claim.
local function renew()
  local _, predictor, id = unpack(ARGV)
  if not is_ours(predictor, id) then return 0 end
  redis.call('XCLAIM', jobs, group, predictor, 0, id, 'JUSTID')
  return 1
end

-- ARGV: predictor, id, tries so far. Expires the claim: the next predictor that claims gets
-- the job.
local function release()
  local _, predictor, id, tries = unpack(ARGV)
  if not is_ours(predictor, id) then return 0 end
  redis.call('XCLAIM', jobs, group, predictor, 0, id, 'IDLE', 1000000000, 'RETRYCOUNT',
             tries, 'JUSTID')
  return 1
end

-- ARGV: predictor, id. Ends the job without a model.
local function drop()
  local _, predictor, id = unpack(ARGV)
  if not is_ours(predictor, id) then return 0 end
  remove(id)
  return 1
end

-- ARGV: predictor, id, weights, version, checksum, report. Ends the job and stores its
-- model; the replaced model is kept as the previous model.
local function save()
  local _, predictor, id, weights, version, checksum, report = unpack(ARGV)
  local model, model_before = KEYS[4], KEYS[5]
  if not is_ours(predictor, id) then return 0 end
  if redis.call('EXISTS', model) == 1 then
    redis.call('COPY', model, model_before, 'REPLACE')
  end
  redis.call('HSET', model, 'weights', weights, 'version', version, 'checksum', checksum,
             'report', report)
  remove(id)
  return 1
end

local requests = {add = add, claim = claim, renew = renew, release = release, drop = drop,
                  save = save}
return requests[ARGV[1]]()
