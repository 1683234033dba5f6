/**
 * The budget of requests over all processes, as one Lua script on the clock of Redis.
 *
 * It is GCRA, the generic cell rate algorithm. A rate is an emission interval. The theoretical
 * arrival time (`tat`) is when the next request would come if all came one interval apart. A
 * request whose `tat` is at most the tolerance ahead is granted: it goes out at its `tat`, and the
 * `tat` moves on by one interval. Any other request is denied.
 *
 * A denied request gets a place in the line of its class, and comes back then. Places are two
 * thirds of an interval apart: a few more come back than can be granted, so that nothing of the
 * budget is left over.
 *
 * There are two classes. Each has a `tat` of its own, which runs at four fifths of the rate. It
 * binds only while the other class had a request denied lately. So a class gets all of the budget
 * when it is alone, and at least a fifth when both wait. What is withheld from one class is not
 * spent: the other can have it.
 *
 * The block that a 429 puts on all processes is a key of its own. It also holds without a budget.
 */
import { LuaScript } from '../redis/lua-script.js';

/**
 * The longest wait between grant and `tat`. The worker can do no other job meanwhile, so it is
 * short: over all processes at most the requests of a quarter of a second wait at any moment.
 */
const TOLERANCE_MS = 250;
/** At small rates an interval is longer than that: then the tolerance is two of them. */
const TOLERANCE_INTERVALS = 2;
/** At the smallest rates nobody waits longer than this. */
const MAX_TOLERANCE_MS = 2_000;
/** A request that is later than this after its `tat` does not go out, and asks again. */
export const MAX_LATENESS_MS = 100;
/** Intervals are 5 % wider than the rate asks, for servers that count in windows of their own. */
const PACE = 0.95;
/** What Atlas may see in any second, as a multiple of the rate. */
const MAX_EXCESS = 1.1;

/**
 * The time between two requests, in milliseconds. No second, wherever it begins, holds more than
 * the rate and a tenth, even when the first of its requests is as late as is allowed.
 */
export function emissionIntervalMs(maxRequestsPerSecond: number): number {
  const most = Math.max(1, Math.floor(maxRequestsPerSecond * MAX_EXCESS));
  return Math.max(1000 / (PACE * maxRequestsPerSecond), (1000 + MAX_LATENESS_MS) / most);
}

/** How far ahead of now the `tat` of a granted request may be. */
export function toleranceMs(intervalMs: number): number {
  return Math.min(MAX_TOLERANCE_MS, Math.max(TOLERANCE_MS, TOLERANCE_INTERVALS * intervalMs));
}

/**
 * KEYS block, budget. ARGV class, other class, emission interval in ms (0: no budget), tolerance in
 * ms, `1` if the caller will ask again by itself.
 *
 * Answers `blocked` and the ms that are left; `granted`, the ms until the `tat`, and the `tat` on
 * the clock of Redis; or `denied`, the ms until asking again may help, and the ms until the
 * caller's place in the line.
 *
 * A line is two minutes long at most (LINE_MS): beyond that all get its last place. A class counts
 * as waiting until the end of its line, and for COMING_BACK_MS longer.
 */
export const ASK_BUDGET = new LuaScript<[kind: string, first: string, second?: string]>(`
local blocked = redis.call('PTTL', KEYS[1])
if blocked > 0 then return { 'blocked', tostring(blocked) } end
local interval = tonumber(ARGV[3])
if interval == 0 then return { 'granted', '0', '0' } end

local SHARE, LEAD_INTERVALS, OVERBOOKING = 0.8, 1, 1.5
local LINE_MS, COMING_BACK_MS, KEEP_MS = 120000, 250, 300000
local class, other, tolerance = ARGV[1], ARGV[2], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local saved = redis.call('HMGET', KEYS[2], 'tat', class .. ':tat', class .. ':line',
  class .. ':waits', other .. ':waits')
local function at(i) return math.max(now, tonumber(saved[i] or 0)) end
local function text(ms) return string.format('%.3f', ms) end

local tat, class_tat, line = at(1), at(2), at(3)
local lead = LEAD_INTERVALS * interval
local other_waits = at(5) > now
local too_early = tat - now - tolerance
local over_share = other_waits and class_tat - tat - lead or 0
if too_early <= 0 and over_share <= 0 then
  local next_class_tat = math.min(math.max(class_tat, tat), tat + lead) + interval / SHARE
  redis.call('HSET', KEYS[2], 'tat', text(tat + interval), class .. ':tat', text(next_class_tat))
  redis.call('PEXPIRE', KEYS[2], KEEP_MS)
  return { 'granted', text(tat - now), text(tat) }
end

local wait = math.max(too_early, over_share)
if ARGV[5] == '1' then
  line = math.max(line, now + wait)
else
  line = math.min(line + interval / OVERBOOKING, now + LINE_MS)
  redis.call('HSET', KEYS[2], class .. ':line', text(line))
end
redis.call('HSET', KEYS[2], class .. ':waits', text(math.max(at(4), line + COMING_BACK_MS)))
redis.call('PEXPIRE', KEYS[2], KEEP_MS)
return { 'denied', text(wait), text(line - now) }
`);

/** KEYS block. ARGV ms. A longer block that stands is kept. */
export const BLOCK = new LuaScript(`
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '429', 'PX', ARGV[1])
end
return 1
`);
