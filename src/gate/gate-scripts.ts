/**
 * The gate in Redis: short Lua scripts, each as `gate-model.ts` does it. Everything is idempotent by
 * member, for ioredis repeats commands after a reconnection.
 *
 * KEYS of all scripts are those of `gateKeys`, then what the script names. ARGV are the beginnings of the
 * keys of batch jobs and of poll jobs, the limit (0: none), then what the script names.
 */
import { LuaScript } from '../redis/lua-script.js';
import { MAX_AWAKE, MAX_HEADS } from './gate-model.js';

/** What the scripts have in common. */
const COMMON = `
local STATE, FLIGHT, LINE, SIZES, FLOWS, HOLDERS = unpack(KEYS, 1, 6)
local DELAYED, WAIT, PRIORITIZED, MARKER, PAUSE = unpack(KEYS, 7, 11)
local BATCHES, POLLS, LIMIT = ARGV[1], ARGV[2], tonumber(ARGV[3])
local call = redis.call

local function now()
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function number_of(reply) return tonumber(reply or 0) or 0 end
local function size_of(member) return number_of(call('HGET', SIZES, member)) end
local function documents_in_flight() return number_of(call('HGET', STATE, 'documents')) end
local function is_paused() return call('EXISTS', PAUSE) == 1 end
local function fits(size, reserved)
  return LIMIT == 0 or reserved == 0 or reserved + size <= LIMIT
end

local function forget(member)
  if call('ZREM', FLIGHT, member) == 1 then
    call('HINCRBY', STATE, 'documents', -size_of(member))
    call('HDEL', HOLDERS, member)
    call('HDEL', SIZES, member)
  elseif call('ZREM', LINE, member) == 1 then
    call('HDEL', SIZES, member)
  else
    return 0
  end
  if call('EXISTS', FLIGHT, LINE) == 0 then call('DEL', STATE, SIZES, FLOWS, HOLDERS) end
  return 1
end

-- Whether its batch job is there, and has not ended.
local function is_live(member)
  local id, timestamp = string.match(member, '^(.-)@(%d+)/')
  if not id then return false end
  local job = call('HMGET', BATCHES .. id, 'timestamp', 'finishedOn')
  return job[1] == timestamp and not job[2]
end

-- Brings the jobs whose uploads would be admitted to the head of BullMQ's list, in the order of the
-- line: workers take from its right end. Those that are there already are put in order with them.
local function wake()
  if is_paused() then return 0 end
  local reserved, rank, ids, known = documents_in_flight(), 0, {}, {}
  for _ = 1, ${MAX_HEADS} do
    if #ids == ${MAX_AWAKE} then break end
    local member = call('ZRANGE', LINE, rank, rank)[1]
    if not member then break end
    if not is_live(member) then
      forget(member)
    else
      local size = size_of(member)
      if not fits(size, reserved) then break end
      reserved, rank = reserved + size, rank + 1
      local id = string.match(member, '^(.-)@')
      if not known[id] then
        known[id] = 'awake'
        ids[#ids + 1] = id
      end
    end
  end
  local woken = 0
  for _, id in ipairs(ids) do
    if call('ZREM', DELAYED, id) == 1 or call('ZREM', PRIORITIZED, id) == 1 then
      -- BullMQ would delay it by that once more when its poll jobs have ended.
      call('HSET', BATCHES .. id, 'delay', 0)
      known[id] = 'woken'
      woken = woken + 1
    end
  end
  if woken == 0 then return 0 end
  for place = #ids, 1, -1 do
    local id = ids[place]
    local waits = known[id] == 'awake' and call('LPOS', WAIT, id, 'RANK', -1, 'MAXLEN', ${3 * MAX_AWAKE})
    if waits then call('LREM', WAIT, -1, id) end
    if waits or known[id] == 'woken' then call('RPUSH', WAIT, id) end
  end
  call('ZADD', MARKER, 0, '0')
  return woken
end
`;

const gateScript = <Reply>(lua: string) => new LuaScript<Reply>(COMMON + lua);

/**
 * KEYS lock. ARGV token, flow, weight, count of applicants, then member and documents of each, then member
 * and holder of others that are in flight. Answers the members that are in flight, or false without the
 * lock.
 */
export const ASK = gateScript<string[] | null>(`
if call('GET', KEYS[12]) ~= ARGV[4] then return false end
local flow, weight, count = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
for i = 8 + 2 * count, #ARGV, 2 do
  if call('ZSCORE', FLIGHT, ARGV[i]) then call('HSETNX', HOLDERS, ARGV[i], ARGV[i + 1]) end
end
local admitted, waiting = {}, {}
local virtual_time, paused = number_of(call('HGET', STATE, 'virtual-time')), is_paused()
for i = 8, 6 + 2 * count, 2 do
  local member, size = ARGV[i], tonumber(ARGV[i + 1])
  if paused and call('ZREM', FLIGHT, member) == 1 then
    call('HINCRBY', STATE, 'documents', -size_of(member))
    call('HSET', SIZES, member, size)
    call('HDEL', HOLDERS, member)
    call('ZADD', LINE, 0, member)
  end
  if call('ZSCORE', FLIGHT, member) then
    admitted[#admitted + 1] = member
  else
    waiting[member] = true
    if not call('ZSCORE', LINE, member) then
      local start = math.max(virtual_time, number_of(call('ZSCORE', FLOWS, flow)))
      call('ZADD', LINE, start, member)
      call('HSET', SIZES, member, size)
      call('ZADD', FLOWS, start + size / weight, flow)
    end
  end
end
local reserved, rank, before = documents_in_flight(), 0, #admitted
while not paused and rank < ${MAX_HEADS} and next(waiting) do
  local head = call('ZRANGE', LINE, rank, rank, 'WITHSCORES')
  local member = head[1]
  if not member then break end
  local size = size_of(member)
  if not fits(size, reserved) then break end
  reserved = reserved + size
  if waiting[member] then
    waiting[member] = nil
    call('ZREM', LINE, member)
    call('ZADD', FLIGHT, now(), member)
    call('HINCRBY', STATE, 'documents', size)
    virtual_time = math.max(virtual_time, tonumber(head[2]))
    admitted[#admitted + 1] = member
  else
    rank = rank + 1
  end
end
if #admitted > before then
  call('HSET', STATE, 'virtual-time', string.format('%.17g', virtual_time))
  call('ZREMRANGEBYSCORE', FLOWS, '-inf', virtual_time)
  wake()
end
return admitted
`);

/** KEYS lock. ARGV token, then members that are neither in flight nor in line from now on. */
export const LEAVE = gateScript<number | null>(`
if call('GET', KEYS[12]) ~= ARGV[4] then return false end
local left = 0
for i = 5, #ARGV do left = left + forget(ARGV[i]) end
if left > 0 then wake() end
return left
`);

/** ARGV member. For the script that saves the result of a poll job, under its lock. */
export const RELEASE = `${COMMON}
if forget(ARGV[4]) == 1 then wake() end
`;

/**
 * After a job was moved to sleep: wakes it when its turn came meanwhile. ARGV member and holder of its
 * uploads that are in flight.
 */
export const AFTER_SLEEP = gateScript<number>(`
for i = 4, #ARGV, 2 do
  if call('ZSCORE', FLIGHT, ARGV[i]) then call('HSETNX', HOLDERS, ARGV[i], ARGV[i + 1]) end
end
return wake()
`);

/**
 * Forgets uploads that nobody will release: their batch has ended or is gone, or who holds their room has.
 * Then it wakes, and answers whether there is a pause. KEYS the sweep's lock, the key that says that a gate is on. ARGV the time between two
 * sweeps, how long a gate counts as on, members of one sweep.
 */
export const SWEEP = gateScript<number>(`
call('SET', KEYS[13], '1', 'PX', ARGV[5])
local paused = call('EXISTS', PAUSE)
if not call('SET', KEYS[12], '1', 'NX', 'PX', ARGV[4]) then return paused end
local from, most, at = number_of(call('HGET', STATE, 'swept')), tonumber(ARGV[6]), now()
local members = call('ZRANGE', FLIGHT, from, from + most - 1)
for _, member in ipairs(members) do
  local gone = not is_live(member)
  local holder = not gone and call('HGET', HOLDERS, member)
  if holder then
    local until_ms = tonumber(string.match(holder, '^until (%d+)$'))
    if until_ms then
      gone = until_ms <= at
    else
      local poll = call('HMGET', POLLS .. holder, 'timestamp', 'finishedOn')
      gone = not poll[1] or poll[2]
    end
  end
  if gone then forget(member) end
end
if #members == most then
  call('HSET', STATE, 'swept', from + most)
elseif from > 0 then
  call('HDEL', STATE, 'swept')
end
wake()
return paused
`);

/**
 * Where no gate is on any more, wakes all that waits in line. KEYS as of the sweep. ARGV most of them at
 * once. Answers whether there is a pause.
 */
export const DRAIN = gateScript<number>(`
if is_paused() then return 1 end
if call('EXISTS', FLIGHT, LINE) == 0 or call('EXISTS', KEYS[13]) == 1 then return 0 end
for _, member in ipairs(call('ZRANGE', LINE, 0, tonumber(ARGV[4]) - 1)) do
  local id = string.match(member, '^(.-)@')
  if id and call('ZREM', DELAYED, id) == 1 then
    call('HSET', BATCHES .. id, 'delay', 0)
    call('LPUSH', WAIT, id)
    call('ZADD', MARKER, 0, '0')
  end
  call('ZREM', LINE, member)
end
if call('EXISTS', LINE) == 0 then call('DEL', STATE, FLIGHT, SIZES, FLOWS, HOLDERS) end
return 0
`);
