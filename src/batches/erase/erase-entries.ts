/** Takes the entries of a batch out of a stream, so that Redis holds no byte of them any more. */
import type { Redis } from 'ioredis';
import { LuaScript } from '../../redis/lua-script.js';

/** Entries of one round trip. */
const READ_AT_ONCE = 1000;

/**
 * KEYS the stream, a key for its copy. ARGV the ids of entries. `XDEL` only marks an entry: its bytes stay in
 * memory, in RDB files and in what replicas get until all of its hundred neighbours have gone too. So the stream is
 * written once more, with the same ids; those who wait for its next entry wait on. 10,000 entries took 50 ms of
 * Redis, 100,000 took 0.6 s (Redis 7.0.15, two cores). The loop keeps the memory of the script small.
 */
const REMOVE_ENTRIES = new LuaScript<number>(`
local removed = 0
for _, id in ipairs(ARGV) do removed = removed + redis.call('XDEL', KEYS[1], id) end
if removed == 0 then return 0 end
local stream = {}
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do stream[info[i]] = info[i + 1] end
if stream['length'] == 0 then return removed end
redis.call('DEL', KEYS[2])
local after = '-'
repeat
  local entries = redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', ${READ_AT_ONCE})
  for _, entry in ipairs(entries) do
    redis.call('XADD', KEYS[2], entry[1], unpack(entry[2]))
    after = '(' .. entry[1]
  end
until #entries < ${READ_AT_ONCE}
redis.call('XSETID', KEYS[2], stream['last-generated-id'])
redis.call('RENAME', KEYS[2], KEYS[1])
return removed
`);

/** @returns How many were removed. */
export async function eraseEntries(
  redis: Redis,
  stream: string,
  isOurs: (fields: string[], id: string) => boolean,
): Promise<number> {
  const ours: string[] = [];
  for (let after = '-'; ; ) {
    const entries = await redis.xrange(stream, after, '+', 'COUNT', READ_AT_ONCE);
    ours.push(...entries.flatMap(([id, fields]) => (isOurs(fields, id) ? id : [])));
    const last = entries.at(-1);
    if (last === undefined || entries.length < READ_AT_ONCE) break;
    after = `(${last[0]}`;
  }
  if (ours.length === 0) return 0;
  return REMOVE_ENTRIES.run(redis, [stream, `${stream}:rewritten`], ours);
}
