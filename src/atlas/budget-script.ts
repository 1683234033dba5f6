/**
 * One budget of requests over all processes: GCRA (the leaky bucket as a single number), in Redis
 * and on its clock.
 *
 * `tat` is when the next slot begins. A request whose slot begins within the horizon gets it and
 * waits; any other is sent back with a place in its class's line, spaced somewhat closer than
 * slots are, so that those who come back find about as many slots as they need.
 *
 * Two classes share the slots. Each has a `tat` of its own that runs at four fifths of the rate.
 * It binds only while the other class was sent back lately: so either gets at least a fifth when
 * both wait, and all when it is alone. A slot withheld from one class is not spent: it stands open
 * for the other.
 *
 * The block of a 429 is a key of its own, and holds whether or not there is a budget.
 */
import { LuaScript } from '../redis/lua-script.js';

/**
 * Longest wait in a worker's slot. At most a quarter of a second's requests wait at any moment,
 * over all processes.
 */
const HORIZON_MS = 250;
/** At small rates a slot is longer than the horizon; at least so many may be waited for. */
const HORIZON_SLOTS = 2;
/** Even at the smallest rates nobody waits longer than this in a slot. */
const MAX_HORIZON_MS = 2_000;
/** A request that goes out later than this after its slot began gives it up. */
export const MAX_LATENESS_MS = 100;
/** Slots are spaced a little wider than the rate asks: 5 % against counting at the edges. */
const PACE = 0.95;
/** What Atlas may see above the budget in a sliding second. */
const TOLERANCE = 1.1;

/**
 * Between two slots, in milliseconds: no sliding second may hold more than the rate plus a tenth,
 * even when the first of its requests is as late as is allowed.
 */
export function slotMs(maxRequestsPerSecond: number): number {
  const most = Math.max(1, Math.floor(maxRequestsPerSecond * TOLERANCE));
  return Math.max(1000 / (PACE * maxRequestsPerSecond), (1000 + MAX_LATENESS_MS) / most);
}

export function horizonMs(slot: number): number {
  return Math.min(MAX_HORIZON_MS, Math.max(HORIZON_MS, HORIZON_SLOTS * slot));
}

/**
 * KEYS block, budget. ARGV class, other class, slot ms (0: no budget), horizon ms, `1` if the
 * caller will ask again itself. Answers `blocked`, ms left; `granted`, ms until the slot begins,
 * the slot on Redis's clock; or `denied`, ms until it may be worth asking, ms until the caller's
 * place in the line.
 *
 * A line holds two minutes at most (LINE): then its end is handed out again and again.
 * A class counts as waiting until its line is through, plus a quarter of a second for coming back.
 */
export const ASK_BUDGET = new LuaScript<[kind: string, first: string, second?: string]>(`
local blocked = redis.call('PTTL', KEYS[1])
if blocked > 0 then return { 'blocked', tostring(blocked) } end
local slot_ms = tonumber(ARGV[3])
if slot_ms == 0 then return { 'granted', '0', '0' } end

local SHARE, LEAD_SLOTS, OVERBOOKING = 0.8, 1, 1.5
local LINE_MS, COMING_BACK_MS, KEEP_MS = 120000, 250, 300000
local class, other = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local saved = redis.call('HMGET', KEYS[2], 'tat', class .. ':tat', class .. ':line',
  class .. ':waits', other .. ':waits')
local function at(i) return math.max(now, tonumber(saved[i] or 0)) end
local function text(ms) return string.format('%.3f', ms) end

local slot, own, line = at(1), at(2), at(3)
local lead = LEAD_SLOTS * slot_ms
local other_waits = at(5) > now
local too_late = slot - now - tonumber(ARGV[4])
local too_much = other_waits and own - slot - lead or 0
if too_late <= 0 and too_much <= 0 then
  local next_own = math.min(math.max(own, slot), slot + lead) + slot_ms / SHARE
  redis.call('HSET', KEYS[2], 'tat', text(slot + slot_ms), class .. ':tat', text(next_own))
  redis.call('PEXPIRE', KEYS[2], KEEP_MS)
  return { 'granted', text(slot - now), text(slot) }
end

local again = math.max(too_late, too_much)
if ARGV[5] == '1' then
  line = math.max(line, now + again)
else
  line = math.min(line + slot_ms / OVERBOOKING, now + LINE_MS)
  redis.call('HSET', KEYS[2], class .. ':line', text(line))
end
redis.call('HSET', KEYS[2], class .. ':waits', text(math.max(at(4), line + COMING_BACK_MS)))
redis.call('PEXPIRE', KEYS[2], KEEP_MS)
return { 'denied', text(again), text(line - now) }
`);

/** KEYS block. ARGV ms. A longer block that stands is kept. */
export const BLOCK = new LuaScript(`
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '429', 'PX', ARGV[1])
end
return 1
`);
