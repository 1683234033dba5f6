/**
 * A worker's hold on a job. It writes the job's state only while the job's lock holds our token.
 *
 * A worker that was paused longer than its lock is a second worker on the same job. BullMQ checks the
 * lock when a job is moved, but not when its progress is written. So every write goes through one
 * script that checks it. Writes are sent in the order of the calls, over one connection.
 */
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { LockLostError } from '../../errors.js';
import { LOCK_DURATION_MS } from '../../jobs/queues.js';
import type { Clock } from '../../redis/clock.js';
import { LuaScript } from '../../redis/lua-script.js';

/**
 * A lock this young is not renewed: seven eighths of its time are left. Measured interleaved: its
 * renewal costs 3 % of a worker's CPU per batch and 5 % of Redis's.
 */
const YOUNG_LOCK_MS = 1000;
/** Lines that are kept of a job's log. People read it: the end of a long outage is enough. */
const KEPT_LOG_LINES = 200;

/** It does not trim the stream of events. BullMQ does, whenever it adds events of its own. */
const SAVE = new LuaScript<SaveReply | null>(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
if redis.call('EXISTS', KEYS[2]) == 0 then return false end
local absent = tonumber(ARGV[8])
if absent > 0 and redis.call('EXISTS', unpack(KEYS, 7, 6 + absent)) > 0 then return {0} end
redis.call('HSET', KEYS[2], 'progress', ARGV[3])
redis.call('XADD', KEYS[3], '*', 'event', 'progress', 'jobId', ARGV[2], 'data', ARGV[4])
if #ARGV > 8 then
  redis.call('RPUSH', KEYS[4], unpack(ARGV, 9))
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
end
if #KEYS == 6 + absent then return {1} end
return {1, unpack(redis.call('MGET', unpack(KEYS, 7 + absent)))}
`);

/** Whether the state was saved, and the values of the keys that were read. Null without the lock. */
type SaveReply = [0 | 1, ...(string | null)[]];

export interface LeaseOptions<State extends object> {
  redis: Redis;
  /** `<prefix>:<queue>` of the job. */
  queueKey: string;
  job: Job;
  /** What the job is locked with. */
  token: string;
  clock: Clock;
  /** What the progress event says. It is less than the state, for Redis keeps thousands of events. */
  digest: (state: State) => object;
  /** A sorted set that holds the start of each run; null takes the job out. */
  started?: { key: string; at: (state: State) => number | null };
}

interface WriteOptions {
  /** Gives the lock its full duration again. */
  renew?: boolean;
  /** Keys of strings that are read in the same moment. */
  read?: readonly string[];
  /** Keys of which none may exist. */
  absent?: readonly string[];
}

export class JobLease<State extends object> {
  readonly jobId: string;
  private readonly options: LeaseOptions<State>;
  private readonly noted: string[] = [];
  /** What the sorted set of starts has: it is written when that changes. */
  private startTold: number | null | undefined;

  constructor(options: LeaseOptions<State>) {
    this.options = options;
    this.jobId = options.job.id ?? '';
  }

  /** Keeps a line of the job's log for the next {@link save}; a crash may lose it. */
  note(line: string): void {
    if (line !== '') this.noted.push(`${new Date(this.options.clock.now()).toISOString()} ${line}`);
  }

  /**
   * Saves the state, and a line of the job's log with it, under the time. Lines noted before come
   * first.
   * @returns the values of `read`
   * @throws LockLostError when another worker owns the job: nothing was written.
   */
  async save(
    state: State,
    line = '',
    options: Omit<WriteOptions, 'absent'> = {},
  ): Promise<(string | null)[]> {
    const [, ...values] = await this.write(state, line, options);
    return values;
  }

  /**
   * As {@link save}, but only if none of these keys exists.
   * @returns whether it was saved.
   */
  async saveIfAbsent(keys: readonly string[], state: State, line: string): Promise<boolean> {
    const noted = [...this.noted];
    const [saved] = await this.write(state, line, { absent: keys });
    if (saved === 0) this.noted.unshift(...noted);
    return saved === 1;
  }

  private async write(
    state: State,
    line: string,
    { renew = false, absent = [], read = [] }: WriteOptions,
  ): Promise<SaveReply> {
    this.note(line);
    const { redis, queueKey, token, digest, started } = this.options;
    const startedAt = started?.at(state);
    const jobKey = `${queueKey}:${this.jobId}`;
    const keys = [
      `${jobKey}:lock`,
      jobKey,
      `${queueKey}:events`,
      `${jobKey}:logs`,
      `${queueKey}:stalled`,
      started?.key ?? jobKey,
      ...absent,
      ...read,
    ];
    const reply = await SAVE.run(redis, keys, [
      token,
      this.jobId,
      JSON.stringify(state),
      JSON.stringify(digest(state)),
      KEPT_LOG_LINES,
      renew ? LOCK_DURATION_MS : '',
      startedAt === this.startTold ? '' : (startedAt ?? 'ended'),
      absent.length,
      ...this.noted.splice(0),
    ]);
    if (reply === null) throw new LockLostError(this.jobId);
    if (reply[0] === 1) this.startTold = startedAt;
    return reply;
  }

  /**
   * Waits until one replica has what was saved, so that no failover can lose it.
   * @returns whether it has it in time.
   */
  async reachedReplica(timeoutMs: number): Promise<boolean> {
    return (await this.options.redis.wait(1, timeoutMs)) >= 1;
  }

  /** Gives the lock its full time, right before something that cannot be taken back. */
  async renew(): Promise<void> {
    const { job, token } = this.options;
    // BullMQ takes the time before it asks for the job, on this process's clock.
    if (Date.now() - (job.processedOn ?? 0) < YOUNG_LOCK_MS) return;
    if ((await job.extendLock(token, LOCK_DURATION_MS)) !== 1) throw new LockLostError(this.jobId);
  }
}
