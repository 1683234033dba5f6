/**
 * Which batches a worker takes. While Atlas refuses its credentials it begins none: thousands would
 * do nothing but ask in vain. After a fault of its own it leaves them to others for a moment. Those that
 * have begun still end at their deadline.
 */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Credentials } from '../atlas/credentials.js';
import { startedKey } from '../jobs/redis-keys.js';
import type { Clock } from '../redis/clock.js';
import { LuaScript } from '../redis/lua-script.js';
import type { FetchGate } from '../redis/pausing-worker.js';
import { pause } from '../timeouts.js';

/** Between two searches for batches whose deadline has come: soon after it, and one short script. */
const SEARCH_EVERY_MS = 1_000;

/**
 * Brings batches that have begun, and whose deadline has come, to the head of the queue. Returns how
 * many. KEYS started, delayed, waiting-children, wait, marker. ARGV: begun until, most of them.
 */
const BRING_DUE = new LuaScript<number>(`
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
local brought = 0
for _, id in ipairs(due) do
  if redis.call('ZREM', KEYS[2], id) == 1
    or (not redis.call('ZSCORE', KEYS[3], id) and redis.call('LREM', KEYS[4], 1, id) == 1) then
    redis.call('RPUSH', KEYS[4], id)
    brought = brought + 1
  end
end
if brought > 0 then redis.call('ZADD', KEYS[5], 0, '0') end
return brought
`);
/** Few: a batch in a long queue is searched for from one end to the other. */
const BROUGHT_AT_ONCE = 20;

export class Intake implements FetchGate {
  constructor(
    private readonly parts: {
      writes: FetchGate;
      credentials: Credentials;
      ownFaults: { readonly holdIntake: boolean };
      redis: Redis;
      batches: Queue;
      clock: Clock;
      config: { QUEUE_PREFIX: string; BATCH_DEADLINE_MS: number };
    },
  ) {}

  isClosed(): boolean {
    return this.parts.writes.isClosed() || this.leavesBatches();
  }

  private leavesBatches(): boolean {
    const { credentials, ownFaults } = this.parts;
    return credentials.areRefused || ownFaults.holdIntake;
  }

  async opened(signal: AbortSignal): Promise<void> {
    await this.parts.writes.opened(signal);
    while (this.leavesBatches() && !signal.aborted && (await this.bringDue()) === 0) {
      await pause(SEARCH_EVERY_MS, signal).catch(() => {});
    }
  }

  private bringDue(): Promise<number> {
    const { redis, batches, clock, config } = this.parts;
    const sets = ['delayed', 'waiting-children', 'wait', 'marker'].map((set) => batches.toKey(set));
    const begunUntil = clock.now() - config.BATCH_DEADLINE_MS;
    const keys = [startedKey(config.QUEUE_PREFIX), ...sets];
    return BRING_DUE.run(redis, keys, [begunUntil, BROUGHT_AT_ONCE]);
  }
}
