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
import { KEPT_LOG_LINES, LOCK_DURATION_MS } from '../../jobs/queues.js';
import { readState } from '../../jobs/state/batch-state.js';
import { toStored } from '../../jobs/state/stored-state.js';
import type { Clock } from '../../redis/clock.js';
import { joinSave } from './moves/joined-save.js';
import {
  type Receipt,
  SAVE,
  SAVE_WHEN_FULL,
  type SaveReply,
  type Saving,
  type WriteOptions,
} from './moves/save-script.js';

/**
 * A lock this young is not renewed: seven eighths of its time are left. Measured interleaved: its
 * renewal costs 3 % of a worker's CPU per batch and 5 % of Redis's.
 */
const YOUNG_LOCK_MS = 1000;

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
  /** A sorted set of the starts of runs, each later by what its `ExtensionFlag` gives; null takes the job out. */
  started?: {
    key: string;
    at: (state: State) => number | null;
    extensionKey: (jobId: string) => string | null;
  };
}

/** What lists tell a job by. */
export interface ListedAs<State extends object> {
  /** A text in the job's own hash. */
  facts: (state: State) => string;
  /** A sorted set of the jobs that have begun and not ended, by when they were added. */
  begunKey: string;
  hasEnded: (state: State) => boolean;
}

export class JobLease<State extends object> {
  readonly jobId: string;
  private readonly options: LeaseOptions<State>;
  private readonly noted: string[] = [];
  /** What the sorted set of starts has: it is written when that changes. */
  private startTold: number | null | undefined;
  private listed: ListedAs<State> | undefined;
  /** What the job's hash has, and whether the job is in the set of those that have begun. */
  private factsTold: string | undefined;
  private begunTold: boolean | undefined;
  /** When the lock had its full time at last, monotonic. The job was fetched just before. */
  private renewedAt = performance.now();

  constructor(options: LeaseOptions<State>) {
    this.options = options;
    this.jobId = options.job.id ?? '';
  }

  /** Whether a state was ever saved of the job, as far as this entry knows. */
  get hasSaved(): boolean {
    return this.begunTold !== undefined || readState(this.options.job.progress).kind !== 'new';
  }

  /** From the next save on, lists know the job. */
  listAs(listed: ListedAs<State>): void {
    this.listed = listed;
  }

  /** Keeps a line of the job's log for the next {@link save}; a crash may lose it. */
  note(line: string): void {
    if (line !== '') this.noted.push(`${new Date(this.options.clock.now()).toISOString()} ${line}`);
  }

  /**
   * Saves the state, and a line of the job's log with it, under the time. Lines noted before come
   * first.
   * @throws LockLostError when another worker owns the job: nothing was written.
   */
  async save(
    state: State,
    line = '',
    options: Pick<WriteOptions, 'spent' | 'also' | 'tally'> = {},
  ): Promise<void> {
    orLost(await this.write(state, line, options), this.jobId);
  }

  /**
   * As {@link save}; but without the lock it leaves the receipt instead, if the saved state still
   * waits for it. After an error it may be called again: noted lines are kept.
   */
  async saveOrLeave(
    state: State,
    receipt: Receipt,
    options: Pick<WriteOptions, 'renew' | 'read' | 'tally' | 'whenFull'> = {},
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
  async saveIfAbsent(
    keys: readonly string[],
    state: State,
    line: string,
    options: Pick<WriteOptions, 'tally'> = {},
  ): Promise<boolean> {
    const noted = [...this.noted];
    const reply = await this.write(state, line, { ...options, absent: keys });
    const [saved] = orLost(reply, this.jobId);
    if (saved === 0) this.noted.unshift(...noted);
    return saved === 1;
  }

  /** As {@link save}, to be sent as a part of another script, in the order of the calls. */
  saving(state: State, line: string, options: Pick<WriteOptions, 'read'>): Saving {
    const { keys, args, settle } = this.saveCall(state, line, options);
    const settled = (reply: SaveReply | null) => {
      settle(reply);
      const [, ...values] = orLost(reply, this.jobId);
      return values;
    };
    return { keys, args, settled };
  }

  private async write(
    state: State,
    line: string,
    options: WriteOptions,
  ): Promise<SaveReply | null> {
    const { also, whenFull } = options;
    const { redis } = this.options;
    const { lines, keys, args, settle } = this.saveCall(state, line, options);
    const { script, ...call } = also
      ? joinSave<SaveReply>({ keys, args }, also)
      : { script: whenFull ? SAVE_WHEN_FULL : SAVE, keys, args };
    const reply = await script.run(redis, call.keys, call.args).catch((error) => {
      this.noted.unshift(...lines);
      throw error;
    });
    settle(reply);
    return reply;
  }

  /** Keys and arguments of a save, and what its reply changes. */
  private saveCall(
    state: State,
    line: string,
    { renew = false, absent = [], read = [], receipt, spent, tally }: WriteOptions,
  ) {
    this.note(line);
    const lines = this.noted.splice(0);
    const { queueKey, token, digest, started, job } = this.options;
    const { listed } = this;
    const startedAt = started?.at(state);
    const facts = listed?.facts(state);
    const begun = listed && !listed.hasEnded(state);
    const jobKey = `${queueKey}:${this.jobId}`;
    const keys = [
      `${jobKey}:lock`,
      jobKey,
      `${queueKey}:events`,
      `${jobKey}:logs`,
      `${queueKey}:stalled`,
      started?.key ?? jobKey,
      receipt?.key ?? spent ?? jobKey,
      tally?.key ?? jobKey,
      listed?.begunKey ?? jobKey,
      started?.extensionKey(this.jobId) ?? jobKey,
      ...absent,
      ...read,
    ];
    const args = [
      token,
      this.jobId,
      JSON.stringify(toStored(state)),
      JSON.stringify(digest(state)),
      KEPT_LOG_LINES,
      renew ? LOCK_DURATION_MS : '',
      startedAt === this.startTold ? '' : (startedAt ?? 'ended'),
      absent.length,
      receipt?.nonce ?? '',
      receipt?.value ?? '',
      receipt?.ttlMs ?? '',
      ...[tally?.nonce ?? '', tally?.day ?? '', tally?.by ?? ''],
      facts === this.factsTold ? '' : (facts ?? ''),
      begun === this.begunTold ? '' : begun ? job.timestamp : 'ended',
      ...lines,
    ];
    const settle = (reply: SaveReply | null) => {
      if (reply?.[0] !== 1) return;
      this.startTold = startedAt;
      this.factsTold = facts;
      this.begunTold = begun;
    };
    return { lines, keys, args, settle };
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
