/** The script that saves the state of a job, as `job-lease.ts` calls it. */
import { FACTS_FIELD } from '../../../jobs/state/listed-facts.js';
import { type LuaPart, LuaScript } from '../../../redis/lua-script.js';

/** Days of which a tally is kept: more than a year, to compare with the one before. */
const KEPT_DAYS = 400;

/** It does not trim the stream of events. BullMQ does, whenever it adds events of its own. */
export const SAVE_LUA = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 0 then
  if ARGV[9] == '' then return false end
  local saved = redis.call('HGET', KEYS[2], 'progress') or ''
  if not string.find(saved, ARGV[9], 1, true) then return false end
  redis.call('SET', KEYS[7], ARGV[10], 'PX', ARGV[11])
  return {2}
end
local absent = tonumber(ARGV[8])
if absent > 0 and redis.call('EXISTS', unpack(KEYS, 11, 10 + absent)) > 0 then return {0} end
if ARGV[12] ~= '' then
  -- A command that is repeated finds a state that waits for the nonce no more.
  local saved = redis.call('HGET', KEYS[2], 'progress') or ''
  if string.find(saved, ARGV[12], 1, true) then
    local sum = redis.call('HINCRBY', KEYS[8], ARGV[13], ARGV[14])
    if sum == tonumber(ARGV[14]) then
      local all, fields = redis.call('HGETALL', KEYS[8]), {}
      for i = 1, #all, 2 do fields[#fields + 1] = all[i] end
      table.sort(fields)
      for i = 1, #fields - ${KEPT_DAYS} do redis.call('HDEL', KEYS[8], fields[i]) end
    end
  end
end
redis.call('HSET', KEYS[2], 'progress', ARGV[3])
redis.call('XADD', KEYS[3], '*', 'event', 'progress', 'jobId', ARGV[2], 'data', ARGV[4])
if #ARGV > 16 then
  redis.call('RPUSH', KEYS[4], unpack(ARGV, 17))
  redis.call('LTRIM', KEYS[4], -tonumber(ARGV[5]), -1)
end
if ARGV[6] ~= '' then
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  redis.call('SREM', KEYS[5], ARGV[2])
end
if ARGV[7] == 'ended' then
  redis.call('ZREM', KEYS[6], ARGV[2])
elseif ARGV[7] ~= '' then
  redis.call('ZADD', KEYS[6], ARGV[7], ARGV[2])
  -- Whoever gives it more time while it is in the set adds that there.
  local given = KEYS[10] ~= KEYS[2] and redis.call('GET', KEYS[10])
  local is_json, flag = false, nil
  if given then is_json, flag = pcall(cjson.decode, given) end
  -- As BullMQ reads it: whole milliseconds.
  local timestamp = math.floor(tonumber(redis.call('HGET', KEYS[2], 'timestamp')) or 0)
  if is_json and type(flag) == 'table' and flag.timestamp == timestamp then
    redis.call('ZADD', KEYS[6], 'INCR', flag.ms, ARGV[2])
  end
end
if ARGV[15] ~= '' then redis.call('HSET', KEYS[2], '${FACTS_FIELD}', ARGV[15]) end
if ARGV[16] == 'ended' then
  redis.call('ZREM', KEYS[9], ARGV[2])
elseif ARGV[16] ~= '' then
  redis.call('ZADD', KEYS[9], ARGV[16], ARGV[2])
end
if ARGV[9] == '' and KEYS[7] ~= KEYS[2] then redis.call('DEL', KEYS[7]) end
if #KEYS == 10 + absent then return {1} end
return {1, unpack(redis.call('MGET', unpack(KEYS, 11 + absent)))}
`;
export const SAVE = new LuaScript<SaveReply | null>(SAVE_LUA);
/** For what must not be lost because Redis is full. */
export const SAVE_WHEN_FULL = new LuaScript<SaveReply | null>(SAVE_LUA, { whenFull: true });

/**
 * Whether the state was saved (2: a receipt was left instead), and the values of the keys that were
 * read. Null without the lock.
 */
export type SaveReply = [0 | 1 | 2, ...(string | null)[]];

/** What is written instead of a state when the lock is not ours any more. */
export interface Receipt {
  key: string;
  /** It is written only while the saved state holds this: otherwise nobody waits for it. */
  nonce: string;
  value: string;
  ttlMs: number;
}

/** What is counted with a save, once for each nonce. */
export interface Tally {
  /** A hash by day, whose last 400 days are kept. */
  key: string;
  day: string;
  by: number;
  /** It is counted only while the saved state holds this, and the new one does not. */
  nonce: string;
}

export interface WriteOptions {
  tally?: Tally | undefined;
  /** Gives the lock its full time again. */
  renew?: boolean;
  /** Nothing is saved when one of these keys exists. */
  absent?: readonly string[];
  /** Keys of strings that are read in the same moment. */
  read?: readonly string[];
  /** Written when the lock is lost. */
  receipt?: Receipt | undefined;
  /** A key that is deleted with the save. */
  spent?: string | undefined;
  /** Done in the same moment, when the state is saved. */
  also?: readonly LuaPart[];
  /** Saved in a Redis that is full too, where it can be told to. */
  whenFull?: boolean;
}

/** A save that goes out as a part of another script. */
export interface Saving {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  /**
   * Takes what the save replied.
   * @returns the values of the keys to read
   * @throws LockLostError when another worker owns the job: nothing was written.
   */
  settled(reply: SaveReply | null): (string | null)[];
}
