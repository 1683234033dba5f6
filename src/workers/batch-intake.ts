/**
 * Which batches a worker takes: none while it cannot reach Atlas and another one can, and none for a moment after a fault
 * of its own. Those that have begun still end at their deadline then, and those that are cancelled at once. Where
 * nobody can send, batches are taken all the same: they wait in line, say why, and end at their deadline.
 */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Reason } from '../errors.js';
import { cancelledKey, startedKey } from '../jobs/keys/redis-keys.js';
import type { Clock } from '../redis/clock.js';
import { LuaScript } from '../redis/lua-script.js';
import type { FetchGate } from '../redis/pausing-worker.js';
import { Intake } from './intake.js';

/**
 * Brings batches to the head of the queue: those that have begun and whose deadline has come, and those
 * that somebody cancelled, begun or not. Returns how many. KEYS started, cancelled, delayed,
 * waiting-children, wait, prioritized, active, marker. ARGV: begun until, most of each kind, the beginning of
 * the keys of batch jobs.
 */
const BRING = new LuaScript<number>(`
local brought = 0
local function bring(id)
  if redis.call('ZREM', KEYS[3], id) == 0 and redis.call('LREM', KEYS[5], 1, id) == 0
    and redis.call('ZREM', KEYS[6], id) == 0 then
    return false
  end
  -- BullMQ would delay it by that once more when its poll jobs have ended.
  redis.call('HSET', ARGV[3] .. id, 'delay', 0)
  redis.call('RPUSH', KEYS[5], id)
  brought = brought + 1
  return true
end
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do
  if not redis.call('ZSCORE', KEYS[4], id) then bring(id) end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, ARGV[2] - 1)) do
  local awaits = redis.call('ZSCORE', KEYS[4], id) or redis.call('LPOS', KEYS[7], id)
  if not awaits and not bring(id) then redis.call('ZREM', KEYS[2], id) end
end
if brought > 0 then redis.call('ZADD', KEYS[8], 0, '0') end
return brought
`);
/** Few: a batch in a long queue is searched for from one end to the other. */
const BROUGHT_AT_ONCE = 20;

export class BatchIntake extends Intake {
  constructor(
    private readonly parts: {
      writes: FetchGate;
      atlas: { readonly whyShut: Reason | null };
      gate: { readonly othersCanSend: boolean };
      ownFaults: { readonly holdIntake: boolean };
      redis: Redis;
      batches: Queue;
      clock: Clock;
      config: { QUEUE_PREFIX: string; BATCH_DEADLINE_MS: number };
    },
  ) {
    super(parts.writes);
  }

  protected override leavesJobs(): boolean {
    const { atlas, gate, ownFaults } = this.parts;
    return (atlas.whyShut !== null && gate.othersCanSend) || ownFaults.holdIntake;
  }

  protected override bring(): Promise<number> {
    const { redis, batches, clock, config } = this.parts;
    const { QUEUE_PREFIX: prefix, BATCH_DEADLINE_MS } = config;
    const sets = ['delayed', 'waiting-children', 'wait', 'prioritized', 'active', 'marker'];
    const keys = [
      startedKey(prefix),
      cancelledKey(prefix),
      ...sets.map((set) => batches.toKey(set)),
    ];
    return BRING.run(redis, keys, [
      clock.now() - BATCH_DEADLINE_MS,
      BROUGHT_AT_ONCE,
      batches.toKey(''),
    ]);
  }
}
