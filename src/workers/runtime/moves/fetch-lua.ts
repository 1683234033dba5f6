/** What the scripts that move a job share: they fetch the next one in the same moment. */
import { READ_FLAGS_LUA } from '../signals.js';

/** A job as BullMQ's scripts reply it. */
export type FetchedJob = [fields: string[], id: string, limitMs: number, delayUntil: number];

/**
 * What BullMQ's move did (a negative number: it did not move), or the job that was fetched, with the flags of its
 * batch where it has any; where none was, when the next one is due, if that is known.
 */
export type MoveReply = [
  moved: number | FetchedJob,
  flags?: (string | null)[] | null,
  nextAt?: number,
];

/**
 * Functions: the keys of a queue by their names, and a {@link MoveReply} of what BullMQ's fetch replied. `prefix` is that
 * of all keys.
 */
export const FETCH_LUA = `
${READ_FLAGS_LUA}
local function keys_of(prefix, queue, names)
  for i, name in ipairs(names) do names[i] = prefix .. ':' .. queue .. ':' .. name end
  return names
end
local function move_reply(prefix, fetched)
  if type(fetched[1]) == 'table' then return { fetched, read_flags(prefix, fetched[1]) } end
  -- Nobody may fetch for so long, says a producer's limit: that is for BullMQ to ask.
  if fetched[3] > 0 then return { 0 } end
  return { 0, false, fetched[4] }
end
`;
