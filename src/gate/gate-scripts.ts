/**
 * The gate in Redis: short Lua scripts, each as `gate-model.ts` does it. Everything is idempotent by
 * member, for ioredis repeats commands after a reconnection.
 *
 * KEYS of all scripts are those of `gateKeys`, then what the script names. ARGV are the beginnings of the
 * keys of batch jobs and of poll jobs, the limit and the quota (0: none), the day, '1' when the process cannot
 * send, then what the script names.
 */
import { LuaScript } from '../redis/lua-script.js';
import { COMMON } from './common-lua.js';
import { MAX_HEADS, TIE_LEAD } from './gate-model.js';

/** A batch waits in line for less. */
const OUTAGE_TTL_SECONDS = 30 * 86_400;

const gateScript = <Reply>(lua: string) => new LuaScript<Reply>(COMMON + lua);

/**
 * KEYS lock. ARGV token, flow, weight, count of applicants, the time that is left to the batch, then member,
 * documents and start tag ('' for one that is new) of each applicant, then member and holder of others that
 * are in flight. Answers the day, how long nobody could send so far, and the members that are in flight, or
 * false without the lock.
 */
export const ASK = gateScript<[day: string, outageMs: number, ...members: string[]] | null>(`
if call('GET', KEYS[K + 1]) ~= ARGV[A + 1] then return false end
local flow, weight, count = ARGV[A + 2], tonumber(ARGV[A + 3]), tonumber(ARGV[A + 4])
for i = A + 6 + 3 * count, #ARGV, 2 do
  if call('ZSCORE', FLIGHT, ARGV[i]) then call('HSETNX', HOLDERS, ARGV[i], ARGV[i + 1]) end
end
local outage = outage_ms()
local reply, waiting = { DAY, outage }, {}
local virtual_time, closed = number_of(call('HGET', STATE, 'virtual-time')), is_closed()

-- An upload that was too large for Atlas was halved.
local function resize(member, size)
  local less = size_of(member) - size
  if less == 0 then return end
  call('HINCRBY', STATE, 'documents', -less)
  give_back(member, less)
  call('HSET', SIZES, member, size)
end
local function is_in_flight(member, size)
  if not call('ZSCORE', FLIGHT, member) then return false end
  resize(member, size)
  local start, day = admission_of(member)
  if not closed and (QUOTA == 0 or day == DAY) then return true end
  -- It was not sent: it waits again where it stood.
  give_back(member, size)
  call('ZREM', FLIGHT, member)
  land(member)
  enter_line(member, start, size, flow)
  return false
end
local function enter(member, size, tag)
  local start = math.max(virtual_time, number_of(call('ZSCORE', FLOWS, flow)))
  if tag and tag <= start then
    start = tag
  else
    call('ZADD', FLOWS, start + size / weight, flow)
    start = start - weight * ${TIE_LEAD}
  end
  enter_line(member, string.format('%.17g', start), size, flow)
end
for i = A + 6, A + 3 + 3 * count, 3 do
  local member, size = ARGV[i], tonumber(ARGV[i + 1])
  if is_in_flight(member, size) then
    reply[#reply + 1] = member
  else
    waiting[member] = true
    if not call('ZSCORE', LINE, member) then enter(member, size, tonumber(ARGV[i + 2])) end
  end
end
local reserved, used, rank, before = documents_in_flight(), documents_used(), 0, #reply
while not closed and rank < ${MAX_HEADS} and next(waiting) do
  local head = call('ZRANGE', LINE, rank, rank, 'WITHSCORES')
  local member = head[1]
  if not member then break end
  local size = size_of(member)
  if not fits(size, reserved, used) then break end
  reserved, used = reserved + size, used + size
  if waiting[member] then
    waiting[member] = nil
    leave_line(member)
    call('ZADD', FLIGHT, now(), member)
    call('HINCRBY', STATE, 'documents', size)
    call('HSET', ADMISSIONS, member, head[2] .. ' ' .. DAY)
    if QUOTA > 0 then call('HINCRBY', USED, 'documents', size) end
    virtual_time = math.max(virtual_time, tonumber(head[2]))
    reply[#reply + 1] = member
  else
    rank = rank + 1
  end
end
if #reply > before then
  call('HSET', STATE, 'virtual-time', string.format('%.17g', virtual_time))
  call('ZREMRANGEBYSCORE', FLOWS, '-inf', virtual_time)
  wake()
end
local job = string.match(ARGV[A + 6] or '', '^(.-)@')
if next(waiting) then
  call('ZADD', DEADLINES, outage + tonumber(ARGV[A + 5]), job)
elseif job then
  call('ZREM', DEADLINES, job)
end
return reply
`);

/**
 * KEYS lock. ARGV token, count of members that were surely not sent, these, then others that are neither
 * in flight nor in line from now on. Answers where each of the former stood in line ('' where it was in
 * neither), or false without the lock.
 */
export const LEAVE = gateScript<string[] | null>(`
if call('GET', KEYS[K + 1]) ~= ARGV[A + 1] then return false end
local unsent, left, starts = A + 2 + tonumber(ARGV[A + 2]), 0, {}
for i = A + 3, #ARGV do
  local member = ARGV[i]
  if i <= unsent then
    local start = call('ZSCORE', LINE, member)
    if not start and call('ZSCORE', FLIGHT, member) then
      start = admission_of(member)
      give_back(member, size_of(member))
    end
    starts[#starts + 1] = start or ''
  end
  left = left + forget(member)
end
local job = string.match(ARGV[A + 3] or '', '^(.-)@')
if job then call('ZREM', DEADLINES, job) end
if left > 0 then wake() end
return starts
`);

/** ARGV member. For the script that saves the result of a poll job, under its lock. */
export const RELEASE = `${COMMON}
if forget(ARGV[A + 1]) == 1 then wake() end
`;

/**
 * After a job was moved to sleep: wakes it when its turn came meanwhile. ARGV member and holder of its
 * uploads that are in flight. A poll job that is not there holds nothing: the room is not free because of that.
 */
export const AFTER_SLEEP = gateScript<number>(`
for i = A + 1, #ARGV, 2 do
  local member, holder = ARGV[i], ARGV[i + 1]
  local is_there = string.find(holder, '^until ') or call('EXISTS', POLLS .. holder) == 1
  if is_there and call('ZSCORE', FLIGHT, member) then call('HSETNX', HOLDERS, member, holder) end
end
return wake()
`);

/**
 * Forgets uploads that nobody will release: their batch has ended or is gone, or who holds their room has.
 * Then it wakes, also those whom midnight has given a new quota, and answers whether there is a pause. KEYS
 * the sweep's lock, the key that says that a gate is on, and the one that says that a worker can send. ARGV
 * the time between two sweeps, how long a gate counts as on (0: a worker without bounds, which cannot send),
 * members of one sweep, how long after a worker that could send nobody can, when today ends.
 */
export const SWEEP = gateScript<number>(`
if ARGV[A + 2] ~= '0' then call('SET', KEYS[K + 2], LIMIT, 'PX', ARGV[A + 2]) end
if not SHUT then call('SET', KEYS[K + 3], '1', 'PX', ARGV[A + 4]) end
local paused = call('EXISTS', PAUSE)
-- Who cannot send wakes nobody, and would keep the sweep from those who can: it is left to them while there are any.
if SHUT and call('EXISTS', KEYS[K + 3]) == 1 then return paused end
if not call('SET', KEYS[K + 1], '1', 'NX', 'PX', ARGV[A + 1]) then return paused end
local from, most, at = number_of(call('HGET', STATE, 'swept')), tonumber(ARGV[A + 3]), now()
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
-- Deadlines stand still in a pause, whoever could send without it.
if paused == 1 or call('EXISTS', KEYS[K + 3]) == 1 then
  call('HDEL', OUTAGE, 'at')
else
  local last = number_of(call('HGET', OUTAGE, 'at'))
  if last > 0 then call('HINCRBY', OUTAGE, 'ms', math.min(at - last, tonumber(ARGV[A + 4]))) end
  call('HSET', OUTAGE, 'at', at)
  call('EXPIRE', OUTAGE, ${OUTAGE_TTL_SECONDS})
end
-- Also where there is no quota any more: the line does not wait for the one that there was.
local head = call('ZRANGE', LINE, 0, 0)[1]
if head and not is_within(QUOTA, documents_used(), size_of(head)) then
  call('HSET', USED, 'until', ARGV[A + 5])
else
  call('HDEL', USED, 'until')
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
 * once, how long after a worker that could send nobody can. Answers whether there is a pause.
 */
export const DRAIN = gateScript<number>(`
if is_paused() then return 1 end
if call('EXISTS', FLIGHT, LINE) == 0 then return 0 end
call('SET', KEYS[K + 3], '1', 'PX', ARGV[A + 2])
call('HDEL', OUTAGE, 'at')
if call('EXISTS', KEYS[K + 2]) == 1 then return 0 end
for _, member in ipairs(call('ZRANGE', LINE, 0, tonumber(ARGV[A + 1]) - 1)) do
  local id = string.match(member, '^(.-)@')
  if id and call('ZREM', DELAYED, id) == 1 then
    call('HSET', BATCHES .. id, 'delay', 0)
    call('LPUSH', WAIT, id)
    call('ZADD', MARKER, 0, '0')
    leave_line(member)
  elseif not id or call('EXISTS', BATCHES .. id .. ':lock') == 0 then
    leave_line(member)
  end
  -- One that a worker has is about to sleep: the next sweep wakes it.
end
if call('EXISTS', LINE) == 0 then
  call('DEL', STATE, FLIGHT, SIZES, FLOWS, HOLDERS, ADMISSIONS, DEADLINES)
end
return 0
`);
