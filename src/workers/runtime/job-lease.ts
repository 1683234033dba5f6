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
import { type LuaPart, LuaScript } from '../../redis/lua-script.js';

/**
 * A lock this young is not renewed: seven eighths of its time are left. Measured interleaved: its
 * renewal costs 3 % of a worker's CPU per batch and 5 % of Redis's.
 */
const YOUNG_LOCK_MS = 1000;
/** Lines that are kept of a job's log. People read it: the end of a long outage is enough. */
const KEPT_LOG_LINES = 200;

/** It does not trim the stream of events. BullMQ does, whenever it adds events of its own. */
const SAVE_LUA = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 0 then
  if ARGV[9] == '' then return false end
  local saved = redis.call('HGET', KEYS[2], 'progress') or ''
  if not string.find(saved, ARGV[9], 1, true) then return false end
  redis.call('SET', KEYS[7], ARGV[10], 'PX', ARGV[11])
  return {2}
end
local absent = tonumber(ARGV[8])
if absent > 0 and redis.call('EXISTS', unpack(KEYS, 8, 7 + absent)) > 0 then return {0} end
redis.call('HSET', KEYS[2], 'progress', ARGV[3])
redis.call('XADD', KEYS[3], '*', 'event', 'progress', 'jobId', ARGV[2], 'data', ARGV[4])
if #ARGV > 11 then
  redis.call('RPUSH', KEYS[4], unpack(ARGV, 12))
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
if ARGV[9] == '' and KEYS[7] ~= KEYS[2] then redis.call('DEL', KEYS[7]) end
if #KEYS == 7 + absent then return {1} end
return {1, unpack(redis.call('MGET', unpack(KEYS, 8 + absent)))}
`;
const SAVE = new LuaScript<SaveReply | null>(SAVE_LUA);

/** Scripts that save and do something else, by the Lua of the latter. */
const savesWith = new Map<string, LuaScript<SaveReply | null>>();

/** ARGV counts of keys and arguments of the save, both of these, then what the part has. */
function saveWith({ lua }: LuaPart): LuaScript<SaveReply | null> {
  const known = savesWith.get(lua);
  if (known) return known;
  const script = new LuaScript<SaveReply | null>(`
local function save(KEYS, ARGV) ${SAVE_LUA} end
local function part(KEYS, ARGV) ${lua} end
local function slice(list, from, to)
  local out = {}
  for i = from, to do out[#out + 1] = list[i] end
  return out
end
local keys, args = tonumber(ARGV[1]), tonumber(ARGV[2])
local reply = save(slice(KEYS, 1, keys), slice(ARGV, 3, 2 + args))
if reply and reply[1] == 1 then part(slice(KEYS, keys + 1, #KEYS), slice(ARGV, 3 + args, #ARGV)) end
return reply
`);
  savesWith.set(lua, script);
  return script;
}

/**
 * Whether the state was saved (2: a receipt was left instead), and the values of the keys that were
 * read. Null without the lock.
 */
type SaveReply = [0 | 1 | 2, ...(string | null)[]];

/** What is written instead of a state when the lock is not ours any more. */
export interface Receipt {
  key: string;
  /** It is written only while the saved state holds this: otherwise nobody waits for it. */
  nonce: string;
  value: string;
  ttlMs: number;
}

interface WriteOptions {
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
  also?: LuaPart | undefined;
}

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

export class JobLease<State extends object> {
  readonly jobId: string;
  private readonly options: LeaseOptions<State>;
  private readonly noted: string[] = [];
  /** What the sorted set of starts has: it is written when that changes. */
  private startTold: number | null | undefined;
  /** When the lock had its full time at last, monotonic. The job was fetched just before. */
  private renewedAt = performance.now();

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
   * @returns the values of the keys to `read`
   * @throws LockLostError when another worker owns the job: nothing was written.
   */
  async save(
    state: State,
    line = '',
    options: Pick<WriteOptions, 'renew' | 'read' | 'spent' | 'also'> = {},
  ): Promise<(string | null)[]> {
    const [, ...values] = orLost(await this.write(state, line, options), this.jobId);
    return values;
  }

  /**
   * As {@link save}; but without the lock it leaves the receipt instead, if the saved state still
   * waits for it. After an error it may be called again: noted lines are kept.
   */
  async saveOrLeave(
    state: State,
    receipt: Receipt,
    options: Pick<WriteOptions, 'renew' | 'read'> = {},
  ): Promise<{ saved: (string | null)[] } | 'left' | 'not-awaited'> {
    const reply = await this.write(state, '', { ...options, receipt });
    if (reply === null) return 'not-awaited';
    const [kind, ...saved] = reply;
    return kind === 1 ? { saved } : 'left';
  }

  /**
   * As {@link save}, but only if none of these keys exists.
   * @returns whether it was saved.
   */
  async saveIfAbsent(keys: readonly string[], state: State, line: string): Promise<boolean> {
    const noted = [...this.noted];
    const [saved] = orLost(await this.write(state, line, { absent: keys }), this.jobId);
    if (saved === 0) this.noted.unshift(...noted);
    return saved === 1;
  }

  private async write(
    state: State,
    line: string,
    { renew = false, absent = [], read = [], receipt, spent, also }: WriteOptions,
  ): Promise<SaveReply | null> {
    this.note(line);
    const lines = this.noted.splice(0);
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
      receipt?.key ?? spent ?? jobKey,
      ...absent,
      ...read,
    ];
    const args = [
      token,
      this.jobId,
      JSON.stringify(state),
      JSON.stringify(digest(state)),
      KEPT_LOG_LINES,
      renew ? LOCK_DURATION_MS : '',
      startedAt === this.startTold ? '' : (startedAt ?? 'ended'),
      absent.length,
      receipt?.nonce ?? '',
      receipt?.value ?? '',
      receipt?.ttlMs ?? '',
      ...lines,
    ];
    const saving = also
      ? saveWith(also).run(
          redis,
          [...keys, ...also.keys],
          [keys.length, args.length, ...args, ...also.args],
        )
      : SAVE.run(redis, keys, args);
    const reply = await saving.catch((error) => {
      this.noted.unshift(...lines);
      throw error;
    });
    if (reply?.[0] === 1) this.startTold = startedAt;
    return reply;
  }

  /** Where this lease's lock and state are, and what the lock holds while it is ours. */
  get held(): { jobId: string; lockKey: string; jobKey: string; token: string } {
    const { jobId } = this;
    const jobKey = `${this.options.queueKey}:${jobId}`;
    return { jobId, lockKey: `${jobKey}:lock`, jobKey, token: this.options.token };
  }

  /**
   * Gives the lock its full time, right before something that cannot be taken back.
   * @param always Also when it is young: its age says nothing of a host that stood still.
   */
  async renew({ always = false } = {}): Promise<void> {
    const { job, token } = this.options;
    const asked = performance.now();
    if (!always && asked - this.renewedAt < YOUNG_LOCK_MS) return;
    if ((await job.extendLock(token, LOCK_DURATION_MS)) !== 1) throw new LockLostError(this.jobId);
    this.renewedAt = asked;
  }

  /** Whether the lock cannot have run out since {@link renew} checked it. */
  isSurelyHeld(): boolean {
    return performance.now() - this.renewedAt < LOCK_DURATION_MS;
  }
}

function orLost(reply: SaveReply | null, jobId: string): SaveReply {
  if (reply === null) throw new LockLostError(jobId);
  return reply;
}
