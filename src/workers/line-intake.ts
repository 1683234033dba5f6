/**
 * Takes batches into the line while all places of this worker are busy with sending. What nobody has taken has no place
 * in line: an urgent batch behind thousands of others would wait until all of those are sent, though there is room.
 */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { LuaScript } from '../redis/lua-script.js';
import type { FetchGate } from '../redis/pausing-worker.js';
import { pause } from '../timeouts.js';

/** Side by side a batch takes less than a millisecond; one at a time it would be several round trips. */
export const ENTERING_AT_ONCE = 4;
/** How long a batch may stand in the queue before it is seen that all places are busy. */
const ASK_EVERY_MS = 100;
/** A place that is free for a moment, as between two batches, is no reason to stop. */
const BUSY_FOR_MS = 500;
/** At the head of the queue stand batches that were woken, and some that go on; what is new is behind them. */
const VISITED = 200;

/**
 * Brings the next batch that no worker has taken to the head of the queue, where it is fetched next. Returns 1, or 0 where there
 * is none. KEYS wait. ARGV the beginning of the keys of batch jobs.
 */
const BRING_NEW = new LuaScript<number>(`
local ids = redis.call('LRANGE', KEYS[1], -${VISITED}, -1)
for i = #ids, 1, -1 do
  if redis.call('HEXISTS', ARGV[1] .. ids[i], 'ats') == 0 then
    if i < #ids then
      redis.call('LREM', KEYS[1], -1, ids[i])
      redis.call('RPUSH', KEYS[1], ids[i])
    end
    return 1
  end
end
return 0
`);

export class LineIntake implements FetchGate {
  /** It shares the queue with a worker that BullMQ tells of each job, and is not to take that away. */
  readonly isNotTold = true;
  private busyAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly parts: {
      writes: FetchGate;
      redis: Redis;
      batches: Queue;
      /** Whether all places of this worker are busy. */
      isBusy: () => boolean;
    },
  ) {}

  /** Each fetch is for one that was brought. */
  isClosed(): boolean {
    return true;
  }

  async mayFetch(): Promise<boolean> {
    const { writes, redis, batches } = this.parts;
    if (writes.isClosed() || !this.wasJustBusy()) return false;
    return (await BRING_NEW.run(redis, [batches.toKey('wait')], [batches.toKey('')])) === 1;
  }

  async opened(signal: AbortSignal): Promise<void> {
    await this.parts.writes.opened(signal);
    do await pause(ASK_EVERY_MS, signal).catch(() => {});
    while (!this.wasJustBusy() && !signal.aborted);
  }

  private wasJustBusy(): boolean {
    const now = performance.now();
    if (this.parts.isBusy()) this.busyAt = now;
    return now - this.busyAt <= BUSY_FOR_MS;
  }
}
