/**
 * The gate in Redis: short Lua scripts, each as `gate-model.ts` does it; those of the sweep are in
 * `sweep-scripts.ts`. Everything is idempotent by
 * member, for ioredis repeats commands after a reconnection.
 *
 * KEYS of all scripts are those of `gateKeys`, then what the script names. ARGV are the beginnings of the
 * keys of batch jobs and of poll jobs, the limit and the quota (0: none), the day, '1' when the process cannot
 * send, then what the script names.
 */
import { COMMON, gateScript } from './common-lua.js';
import { MAX_HEADS } from './gate-model.js';
import type { LineReason } from './line.js';

/**
 * KEYS lock. ARGV token, flow, weight, count of applicants, the time that is left to the batch, then member,
 * documents and start tag ('' for one that is new) of each applicant, then member and holder of others that
 * are in flight. Answers the day, how long nobody could send so far, why those that are not admitted wait, and
 * the members that are in flight, or false without the lock.
 */
export const ASK = gateScript<
  [day: string, outageMs: number, why: LineReason, ...members: string[]] | null
>(`
if call('GET', KEYS[K + 1]) ~= ARGV[A + 1] then return false end
local flow, weight, count = ARGV[A + 2], tonumber(ARGV[A + 3]), tonumber(ARGV[A + 4])
for i = A + 6 + 3 * count, #ARGV, 2 do
  if call('ZSCORE', FLIGHT, ARGV[i]) then hold(ARGV[i], ARGV[i + 1]) end
end
-- What the next sweep counts of the time before this is none of the batch's.
local outage = outage_ms() + uncounted_outage_ms()
local reply, waiting = { DAY, outage, 'limit' }, {}
local virtual_time, closed = number_of(call('HGET', STATE, 'virtual-time')), is_closed()
if closed then reply[3] = is_paused() and 'pause' or 'outage' end

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
  enter_line(member, tonumber(start), size, flow, weight)
  land(member)
  return false
end
local function enter(member, size, tag)
  local last, last_start = unpack(call('ZRANGE', members_of(flow), -1, -1, 'WITHSCORES'))
  local last_finish = last and finish_of(last, tonumber(last_start)) or 0
  local start = math.max(virtual_time, number_of(call('ZSCORE', FLOWS, flow)), last_finish)
  tag = tonumber(call('ZSCORE', KEPT, member) or tag)
  local place = tag and tag <= start and tag or start - lead_of(weight)
  enter_line(member, place, size, flow, weight)
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
  if not fits(size, reserved, used) then
    -- As the sweep tells it to those who watch.
    if not is_within(QUOTA, used, size) then reply[3] = 'quota' end
    break
  end
  reserved, used = reserved + size, used + size
  if waiting[member] then
    waiting[member] = nil
    if flow_of(member) then reach(flow, finish_of(member, tonumber(head[2]))) end
    local since = since_of(member)
    leave_line(member)
    call('ZADD', FLIGHT, now(), member)
    call('HINCRBY', STATE, 'documents', size)
    call('HSET', ADMISSIONS, member, head[2] .. ' ' .. DAY .. ' ' .. since)
    if QUOTA > 0 then call('HINCRBY', USED, 'documents', size) end
    virtual_time = math.max(virtual_time, tonumber(head[2]))
    reply[#reply + 1] = member
  else
    rank = rank + 1
  end
end
if #reply > before then
  call('HSET', STATE, 'virtual-time', exact(virtual_time))
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
 * KEYS lock. ARGV token, '1' when those in line keep their place there, the flow, count of members that were surely not
 * sent, these, then others that are neither in flight nor in line from now on. Answers where each of the former
 * stood in line ('' where it was nowhere), the same when it is repeated, or false without the lock.
 */
export const LEAVE = gateScript<string[] | null>(`
if call('GET', KEYS[K + 1]) ~= ARGV[A + 1] then return false end
local keeps_place, flow = ARGV[A + 2] == '1', ARGV[A + 3]
local unsent, left, starts = A + 4 + tonumber(ARGV[A + 4]), 0, {}
for i = A + 5, #ARGV do
  local member = ARGV[i]
  if i <= unsent then
    local start = call('ZSCORE', LINE, member)
    if not start and call('ZSCORE', FLIGHT, member) then
      start = admission_of(member)
      give_back(member, size_of(member))
    end
    starts[#starts + 1] = start or call('ZSCORE', KEPT, member) or ''
  end
  left = left + forget(member, keeps_place and i <= unsent, flow)
end
local job = string.match(ARGV[A + 5] or '', '^(.-)@')
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
  if is_there and call('ZSCORE', FLIGHT, member) then hold(member, holder) end
end
return wake()
`);
