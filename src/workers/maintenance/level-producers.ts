/**
 * Takes back what a producer's own BullMQ options make of the order of batches. A job with a `priority` is
 * read only when no other waits, and one with `lifo` passes all others: either could keep a batch waiting
 * for as long as others come. Both become jobs like any other. Who goes first is said by the batch's own
 * `priority`. Any number of workers may do this at once.
 */
import { createRepeatedWarnings } from '../../logging/repeated-lines.js';
import { LuaScript } from '../../redis/lua-script.js';
import type { WorkerContext } from '../context.js';

/** What a batch loses at most. */
const INTERVAL_MS = 1000;
/** Jobs of one run, about 5 ms of Redis. */
const JOBS_AT_ONCE = 1000;

/** KEYS prioritized, wait, marker. ARGV the beginning of the keys of jobs, most jobs. */
const LEVEL = new LuaScript(`
local PRIORITIZED, WAIT, MARKER = unpack(KEYS)
local call, most = redis.call, tonumber(ARGV[2])
local moved, latest = {}, {}
for _ = 1, most do
  local id = call('LINDEX', WAIT, -1)
  local opts = id and call('HGET', ARGV[1] .. id, 'opts')
  local level, count = string.gsub(opts or '', '"lifo":true', '"lifo":false', 1)
  if count == 0 then break end
  call('RPOP', WAIT)
  call('HSET', ARGV[1] .. id, 'opts', level)
  latest[#latest + 1] = id
end
for place = #latest, 1, -1 do moved[#moved + 1] = latest[place] end
for _, id in ipairs(call('ZRANGE', PRIORITIZED, 0, most - 1)) do
  call('ZREM', PRIORITIZED, id)
  -- BullMQ would put it there again when it has slept.
  call('HSET', ARGV[1] .. id, 'priority', 0)
  moved[#moved + 1] = id
end
for _, id in ipairs(moved) do call('LPUSH', WAIT, id) end
if #moved > 0 then call('ZADD', MARKER, 0, '0') end
return #moved
`);

export function startLevelling({ batches, redis, logger, writes }: WorkerContext): {
  stop(): void;
} {
  const keys = ['prioritized', 'wait', 'marker'].map((name) => batches.toKey(name));
  const warn = createRepeatedWarnings(logger);
  let runs = false;
  const run = async () => {
    // While Redis is away one waits for it, and not one a second.
    if (runs) return;
    runs = true;
    try {
      await LEVEL.run(redis, keys, [batches.toKey(''), JOBS_AT_ONCE]);
    } catch (error) {
      if (!writes.notice(error)) warn(error, 'batches were not put in order');
    } finally {
      runs = false;
    }
  };
  const timer = setInterval(() => void run(), INTERVAL_MS).unref();
  return { stop: () => clearInterval(timer) };
}
