/** What one worker does once a second for all that nobody else does anything for; see `gate-scripts.ts`. */
import { ABLE_MS, gateScript } from './common-lua.js';
import { MAX_MOVED_UP } from './line-model.js';

/** A batch waits in line for less. */
const OUTAGE_TTL_SECONDS = 30 * 86_400;

/** Long after a worker that lives has said which polls hold the room of a batch that sleeps in line. */
const UNHELD_MS = 30_000;

/** Somebody can. When that was is of use to those only that are in line. */
const CAN_SEND = `
local function can_send(at)
  call('HDEL', OUTAGE, 'at', 'able')
  if call('EXISTS', LINE) == 0 then return end
  call('HSET', OUTAGE, 'able', at)
  call('EXPIRE', OUTAGE, ${OUTAGE_TTL_SECONDS})
end
`;

/**
 * Forgets uploads that nobody will release: their batch has ended or is gone, or who holds their room has. Where
 * nobody knows who does, it wakes the batch, one each time. Uploads of flows move up in line. Then it wakes the head, also that which midnight has
 * given a new quota; where nobody can send, those whose deadline has come. Answers whether there is a pause, and, to a worker that cannot send, whether another one can. KEYS the sweep's lock, the key that says that a gate is on, and the one that says that a worker can send. ARGV
 * the time between two sweeps, how long a gate counts as on (0: a worker without bounds, which cannot send),
 * members of one sweep, when today ends.
 */
export const SWEEP = gateScript<[isPaused: number, othersCan: number]>(`${CAN_SEND}
-- Who held its room may have ended unseen, and only its batch can say who that is: it sleeps in line, and the worker
-- that brought it there has died before it said it. Woken, it is asked, at most every so often.
local function ask_again(member, at)
  local id = string.match(member, '^(.-)@')
  if tonumber(call('ZSCORE', FLIGHT, member)) > at - ${UNHELD_MS} then return false end
  if not call('ZSCORE', DEADLINES, id) or call('ZREM', DELAYED, id) == 0 then return false end
  call('ZADD', FLIGHT, at, member)
  call('HSET', BATCHES .. id, 'delay', 0)
  call('LPUSH', WAIT, id)
  call('ZADD', MARKER, 0, '0')
  return true
end
-- By bytes: what is less than another string depends on the server's locale.
local function is_before(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a < b end
  end
  return #one < #other
end
-- Into the places of those that have left for good, which is a turn that the flow has not had.
local function close_gap(flow, from, most)
  local key = members_of(flow)
  local reached = math.max(number_of(call('HGET', STATE, 'virtual-time')), number_of(call('ZSCORE', FLOWS, flow)))
  local before = call('ZREVRANGEBYSCORE', key, '(' .. from, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if before[1] then reached = math.max(reached, finish_of(before[1], tonumber(before[2]))) end
  local others = call('ZRANGEBYSCORE', key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, most + 1)
  local count = math.min(#others / 2, most)
  for i = 1, 2 * count, 2 do
    local member, start = others[i], tonumber(others[i + 1])
    local _, weight = flow_of(member)
    local place = reached - lead_of(weight)
    if start > place then
      start = place
      call('ZADD', LINE, exact(start), member)
      call('ZADD', key, exact(start), member)
    end
    reached = math.max(reached, finish_of(member, start))
  end
  local next_start = others[2 * most + 2]
  if next_start then call('ZADD', GAPS, next_start, flow) else call('ZREM', GAPS, flow) end
  return math.max(1, count)
end
local function close_gaps()
  local gaps, last = call('ZRANGE', GAPS, 0, -1, 'WITHSCORES'), call('HGET', STATE, 'gap-flow') or ''
  local flows, from, left = {}, {}, ${MAX_MOVED_UP}
  for i = 1, #gaps, 2 do
    flows[#flows + 1] = gaps[i]
    from[gaps[i]] = gaps[i + 1]
  end
  table.sort(flows, is_before)
  local first = 1
  while flows[first] and not is_before(last, flows[first]) do first = first + 1 end
  for i = 0, #flows - 1 do
    if left <= 0 then break end
    local flow = flows[(first - 1 + i) % #flows + 1]
    left = left - close_gap(flow, from[flow], left)
    call('HSET', STATE, 'gap-flow', flow)
  end
end
-- Those in line whose deadline has come end, before all that waits in BullMQ's list.
local function wake_due(most)
  for _, id in ipairs(call('ZRANGEBYSCORE', DEADLINES, '-inf', outage_ms(), 'LIMIT', 0, most)) do
    if call('ZREM', DELAYED, id) == 1 or call('ZREM', PRIORITIZED, id) == 1 then
      -- BullMQ would delay it by that once more when its poll jobs have ended.
      call('HSET', BATCHES .. id, 'delay', 0)
      call('RPUSH', WAIT, id)
      call('ZADD', MARKER, 0, '0')
    elseif call('EXISTS', BATCHES .. id) == 0 or call('HEXISTS', BATCHES .. id, 'finishedOn') == 1 then
      call('ZREM', DEADLINES, id)
    end
  end
end
if ARGV[A + 2] ~= '0' then call('SET', KEYS[K + 2], LIMIT, 'PX', ARGV[A + 2]) end
if not SHUT then call('SET', KEYS[K + 3], '1', 'PX', ${ABLE_MS}) end
local paused = call('EXISTS', PAUSE)
-- Who cannot send wakes nobody, and would keep the sweep from those who can: it is left to them while there are any.
local others_can = SHUT and call('EXISTS', KEYS[K + 3]) or 0
if others_can == 1 then return { paused, 1 } end
if not call('SET', KEYS[K + 1], '1', 'NX', 'PX', ARGV[A + 1]) then return { paused, 0 } end
local may_ask, most, at = not is_closed(), tonumber(ARGV[A + 3]), now()
-- Each time the next members of a set.
local function go_through(set, cursor, is_gone)
  local from, gone = number_of(call('HGET', STATE, cursor)), 0
  local members = call('ZRANGE', set, from, from + most - 1)
  for _, member in ipairs(members) do
    if is_gone(member) then gone = gone + forget(member) end
  end
  local come_to = from + most - gone
  if #members == most and come_to > 0 then
    call('HSET', STATE, cursor, come_to)
  else
    call('HDEL', STATE, cursor)
  end
end
go_through(FLIGHT, 'swept', function(member)
  if not is_live(member) then return true end
  local holder = call('HGET', HOLDERS, member)
  if not holder then
    if may_ask then may_ask = not ask_again(member, at) end
    return false
  end
  local until_ms = tonumber(string.match(holder, '^until (%d+)$'))
  if until_ms then return until_ms <= at end
  local poll = call('HMGET', POLLS .. holder, 'timestamp', 'finishedOn')
  return not poll[1] or poll[2]
end)
-- Those of jobs that were removed by hand: the wake comes to such only at the head.
go_through(LINE, 'line-swept', function(member) return not is_live(member) end)
go_through(KEPT, 'kept-swept', function(member) return not is_live(member) end)
-- Deadlines stand still in a pause, whoever could send without it.
if paused == 1 or call('EXISTS', KEYS[K + 3]) == 1 then
  can_send(at)
else
  -- From the last moment on at which a worker could send: that nobody can is known only some sweeps later.
  call('HINCRBY', OUTAGE, 'ms', uncounted_outage_ms())
  call('HSET', OUTAGE, 'at', at)
  call('EXPIRE', OUTAGE, ${OUTAGE_TTL_SECONDS})
  wake_due(most)
end
-- Also where there is no quota any more: the line does not wait for the one that there was.
local head = call('ZRANGE', LINE, 0, 0)[1]
if head and not is_within(QUOTA, documents_used(), size_of(head)) then
  call('HSET', USED, 'until', ARGV[A + 4])
else
  call('HDEL', USED, 'until')
end
close_gaps()
wake()
return { paused, 0 }
`);

/**
 * Where no gate is on any more, wakes all that waits in line. KEYS as of the sweep. ARGV most of them at
 * once. Answers whether there is a pause.
 */
export const DRAIN = gateScript<number>(`${CAN_SEND}
call('SET', KEYS[K + 3], '1', 'PX', ${ABLE_MS})
if is_paused() then return 1 end
if call('EXISTS', FLIGHT, LINE, KEPT) == 0 then return 0 end
can_send(now())
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
  call('DEL', STATE, FLIGHT, SIZES, FLOWS, HOLDERS, ADMISSIONS, DEADLINES, GAPS, KEPT, UNKNOWN)
  call('HDEL', OUTAGE, 'able')
end
return 0
`);
