/** What the scripts of the gate have in common: how it is read, who fits, who leaves, who is woken. */
import { TIMESTAMP_IN_LUA } from '../jobs/ids.js';
import { PRIORITIES } from '../jobs/request/request.js';
import { LuaScript } from '../redis/lua-script.js';
import { MAX_AWAKE, MAX_HEADS } from './gate-model.js';
import { TIE_LEAD } from './line-model.js';

/** What is used of the quota of a day is of no use two days later. */
const USED_TTL_SECONDS = 2 * 86_400;

/** So long after the last sweep of a worker that could send nobody can; that of another one may be late. */
export const ABLE_MS = 3000;

/** Batches that go on which a wake puts before the heads of the line again: it bounds the time that it takes. */
const MAX_GOING_ON = 60;

export const gateScript = <Reply>(lua: string) => new LuaScript<Reply>(COMMON + lua);

/** The beginning of each script of the gate; see `gate-scripts.ts` for its `KEYS` and `ARGV`. */
export const COMMON = `
local STATE, FLIGHT, LINE, SIZES, FLOWS, HOLDERS = unpack(KEYS, 1, 6)
local DELAYED, WAIT, PRIORITIZED, MARKER, PAUSE = unpack(KEYS, 7, 11)
local ADMISSIONS, USED, SENT, DEADLINES, OUTAGE = unpack(KEYS, 12, 16)
local MEMBER_FLOWS, GAPS, KEPT, UNKNOWN = unpack(KEYS, 17, 20)
local BATCHES, POLLS = ARGV[1], ARGV[2]
local LIMIT, QUOTA, DAY, SHUT = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6] == '1'
-- What a script itself names comes after these.
local K, A = 20, 6
local PRIORITIES = {${PRIORITIES.map((one) => `'${one}'`).join()}}
local call = redis.call

local function now()
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function number_of(reply) return tonumber(reply or 0) or 0 end
local function size_of(member) return number_of(call('HGET', SIZES, member)) end
local function documents_in_flight() return number_of(call('HGET', STATE, 'documents')) end
local function is_paused() return call('EXISTS', PAUSE) == 1 end
-- A process that cannot send admits nothing and wakes nobody.
local function is_closed() return SHUT or is_paused() end
-- How long nobody could send, in all: deadlines of batches in line count by it.
local function outage_ms() return number_of(call('HGET', OUTAGE, 'ms')) end
-- What a sweep would add to that if nobody can send: since it was counted last, or a worker could send last.
local function uncounted_outage_ms()
  local last = number_of(call('HGET', OUTAGE, 'at') or call('HGET', OUTAGE, 'able'))
  return last == 0 and 0 or math.max(0, math.min(now() - last, ${ABLE_MS}))
end

-- A process whose clock is late counts on the day that another has begun. What was sent on a day before
-- there was a quota counts too.
if QUOTA > 0 then
  local known = call('HGET', USED, 'day')
  if known and known >= DAY then
    DAY = known
  else
    call('HSET', USED, 'day', DAY, 'documents', number_of(call('HGET', SENT, DAY)))
    call('EXPIRE', USED, ${USED_TTL_SECONDS})
  end
end
local function documents_used()
  if QUOTA == 0 then return 0 end
  return number_of(call('HGET', USED, 'documents'))
end

-- One that is larger than the limit goes alone, and one that is larger than the quota as the first of a day.
local function is_within(bound, sum, size) return bound == 0 or sum == 0 or sum + size <= bound end
local function fits(size, reserved, used)
  return is_within(LIMIT, reserved, size) and is_within(QUOTA, used, size)
end

-- Where a member in flight stood in line, the day of whose quota it has taken, and since when it waited.
local function admission_of(member)
  local start, day, since = string.match(call('HGET', ADMISSIONS, member) or '', '^(%S+) ?(%S*) ?(%S*)$')
  return start or '0', day or '', since or ''
end
local function give_back(member, size)
  local _, day = admission_of(member)
  if QUOTA > 0 and day == DAY then call('HINCRBY', USED, 'documents', -size) end
end

-- Who will release a member in flight, where that is not known yet.
local function hold(member, holder)
  if call('HSETNX', HOLDERS, member, holder) == 0 then return end
  local until_ms = tonumber(string.match(holder, '^until (%d+)$') or 0)
  if until_ms > 0 and call('ZADD', UNKNOWN, until_ms, member) == 1 then
    call('HINCRBY', STATE, 'unknown', size_of(member))
  end
end
local function land(member)
  if call('ZREM', UNKNOWN, member) == 1 then call('HINCRBY', STATE, 'unknown', -size_of(member)) end
  call('HINCRBY', STATE, 'documents', -size_of(member))
  call('HDEL', HOLDERS, member)
  call('HDEL', ADMISSIONS, member)
end

-- Numbers as Redis keeps them, to the last bit.
local function exact(number) return string.format('%.17g', number) end
local function members_of(flow) return LINE .. ':' .. flow end
-- Of a member in line: its flow and its weight. Nil for one that has entered before that was noted.
local function flow_of(member)
  local weight, flow = string.match(call('HGET', MEMBER_FLOWS, member) or '', '^(%S+) (.*)$')
  return flow, tonumber(weight)
end
local function lead_of(weight) return weight * ${TIE_LEAD} end
-- Where its flow has come to by a member that starts there.
local function finish_of(member, start)
  local _, weight = flow_of(member)
  return start + lead_of(weight) + size_of(member) / weight
end
local function reach(flow, finish) call('ZADD', FLOWS, 'GT', exact(finish), flow) end

-- When a member asked first, also when it has left the line since and its place was kept.
local function since_of(member)
  for _, priority in ipairs(PRIORITIES) do
    local since = call('ZSCORE', LINE .. '-' .. priority, member)
    if since then return since end
  end
  local _, _, since = admission_of(member)
  return since ~= '' and since or now()
end
local function enter_line(member, start, size, flow, weight)
  call('ZADD', LINE, exact(start), member)
  call('ZADD', members_of(flow), exact(start), member)
  call('HSET', MEMBER_FLOWS, member, exact(weight) .. ' ' .. flow)
  call('HSET', SIZES, member, size)
  local priority = string.match(flow, '[^/]*$')
  call('ZADD', LINE .. '-' .. priority, since_of(member), member)
  if call('ZREM', KEPT, member) == 1 then call('HDEL', ADMISSIONS, member) end
  call('HINCRBY', STATE, 'waiting-' .. priority, size)
end
local function leave_line(member)
  if call('ZREM', LINE, member) == 0 then return false end
  local flow = flow_of(member)
  if flow then
    call('ZREM', members_of(flow), member)
    call('HDEL', MEMBER_FLOWS, member)
  end
  for _, priority in ipairs(PRIORITIES) do
    if call('ZREM', LINE .. '-' .. priority, member) == 1 then
      call('HINCRBY', STATE, 'waiting-' .. priority, -size_of(member))
    end
  end
  return true
end

-- The member is in flight or in line no more; 0 when it was nowhere. One that keeps its place is remembered, so that a repeated command
-- finds it too. One that gives up a place that was kept, in that flow, lets those behind it move up.
local function forget(member, keeps_place, kept_flow)
  local start, _, since = admission_of(member)
  local left = call('ZREM', FLIGHT, member)
  if left == 1 then
    land(member)
  else
    start, since = call('ZSCORE', LINE, member), since_of(member)
    if start then
      local flow = flow_of(member)
      if flow and not keeps_place then call('ZADD', GAPS, 'LT', start, flow) end
      leave_line(member)
      left = 1
    end
  end
  if keeps_place then
    if left == 0 then return 0 end
    call('ZADD', KEPT, start, member)
    -- No day: the quota has its documents back.
    call('HSET', ADMISSIONS, member, start .. ' - ' .. since)
  else
    local kept = call('ZSCORE', KEPT, member)
    if kept then
      call('ZREM', KEPT, member)
      call('HDEL', ADMISSIONS, member)
      if kept_flow and call('EXISTS', members_of(kept_flow)) == 1 then call('ZADD', GAPS, 'LT', kept, kept_flow) end
      left = 1
    end
    if left == 0 then return 0 end
  end
  call('HDEL', SIZES, member)
  if call('EXISTS', FLIGHT, LINE, KEPT) == 0 then
    call('DEL', STATE, SIZES, FLOWS, HOLDERS, ADMISSIONS, DEADLINES, GAPS)
  end
  return left
end

-- Whether its batch job is there, and has not ended.
local function is_live(member)
  local id, timestamp = string.match(member, '^(.-)@(%-?%d+)/')
  if not id then return false end
  local job = call('HMGET', BATCHES .. id, 'timestamp', 'finishedOn')
  return string.match(job[1] or '', ${TIMESTAMP_IN_LUA}) == timestamp and not job[2]
end

-- Brings the jobs whose uploads would be admitted to the head of BullMQ's list, in the order of the
-- line: workers take from its right end. Those that wait there already are put in order with them.
local function wake()
  if is_closed() then return 0 end
  local reserved, used, rank, ids, known = documents_in_flight(), documents_used(), 0, {}, {}
  for _ = 1, ${MAX_HEADS} do
    if #ids == ${MAX_AWAKE} then break end
    local member = call('ZRANGE', LINE, rank, rank)[1]
    if not member then break end
    if not is_live(member) then
      forget(member)
    else
      local size = size_of(member)
      if not fits(size, reserved, used) then break end
      reserved, used, rank = reserved + size, used + size, rank + 1
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
  -- One that no worker has is somewhere in the list, below however many that came after it.
  local heads = {}
  for _, id in ipairs(ids) do
    local waits = known[id] == 'awake' and not call('LPOS', BATCHES .. 'active', id)
      and call('LREM', WAIT, -1, id) == 1
    if waits or known[id] == 'woken' then heads[#heads + 1] = id end
  end
  -- Batches that go on, such as those whose polls have ended, would wait for the end of the line below its heads.
  local going_on = {}
  while #going_on < ${MAX_GOING_ON} do
    local id = call('LINDEX', WAIT, -1)
    local goes_on = id and call('HEXISTS', BATCHES .. id, 'ats') == 1 and not call('ZSCORE', DEADLINES, id)
    if not goes_on then break end
    going_on[#going_on + 1] = call('RPOP', WAIT)
  end
  for _, group in ipairs({heads, going_on}) do
    for place = #group, 1, -1 do call('RPUSH', WAIT, group[place]) end
  end
  call('ZADD', MARKER, 0, '0')
  return woken
end
`;
