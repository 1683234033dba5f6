/** A pause: no upload goes to Atlas, and everything else goes on. */
import type { Redis } from 'ioredis';
import { gatePauseKey } from '../jobs/keys/gate-keys.js';
import { parseJson } from '../json.js';
import { LuaScript } from '../redis/lua-script.js';

/** A pause as whoever asks for it gets it. Times are ISO 8601 in UTC. */
export interface Pause {
  /** When it began. */
  since: string;
  /** When it ends by itself; null when somebody has to resume. */
  until: string | null;
  /** Why; null when nobody said it. */
  reason: string | null;
  /** Who; null when nobody said it. */
  by: string | null;
  /** The pause that there was when this one began, and that ended by it; null when there was none. */
  replaced: PlainPause | null;
}

/** A pause by itself. */
export type PlainPause = Omit<Pause, 'replaced'>;

/**
 * KEYS the pause. ARGV a `PlainPause` as JSON, and when it ends in ms, empty for never. Answers the pause as it is stored.
 * A connection that was made again may send it twice: the second finds itself, and replaces nothing.
 */
const SET_PAUSE = new LuaScript<string>(`
local before = redis.call('GET', KEYS[1])
local begin = string.sub(ARGV[1], 1, -2) .. ',"replaced":'
if before and string.sub(before, 1, #begin) == begin then return before end
local is_json, replaced = pcall(cjson.decode, before or '')
if is_json and type(replaced) == 'table' then
  replaced.replaced = nil
  replaced = cjson.encode(replaced)
else
  replaced = 'null'
end
local value = begin .. replaced .. '}'
if ARGV[2] == '' then
  redis.call('SET', KEYS[1], value)
else
  redis.call('SET', KEYS[1], value, 'PXAT', ARGV[2])
end
return value
`);

/** Another pause replaces the one that there is. */
export async function setPause(redis: Redis, prefix: string, pause: PlainPause): Promise<Pause> {
  const end = pause.until === null ? '' : Date.parse(pause.until);
  const value = await SET_PAUSE.run(redis, [gatePauseKey(prefix)], [JSON.stringify(pause), end]);
  return toPause(value);
}

/** @returns whether there was one. */
export async function endPause(redis: Redis, prefix: string): Promise<boolean> {
  return (await redis.del(gatePauseKey(prefix))) === 1;
}

/** Null when there is none. */
export async function readPause(redis: Redis, prefix: string): Promise<Pause | null> {
  const value = await redis.get(gatePauseKey(prefix));
  return value === null ? null : toPause(value);
}

/** One that an earlier version has stored does not say what it replaced. */
function toPause(value: string): Pause {
  return { replaced: null, ...(parseJson(value) as PlainPause) };
}
