/**
 * BullMQ's worker, but for one thing: a job that goes to sleep or to wait has the next one fetched in
 * the write to Redis that moves it away. BullMQ does so only when a job ends, and else asks behind it.
 */
import { setMaxListeners } from 'node:events';
import { type Job, type Processor, Worker, type WorkerOptions } from 'bullmq';
import { LockLostError } from '../../errors.js';
import { isReplyError } from '../../redis/reply-error.js';
import { FetchPause } from './fetch-pause.js';

/** A place for one job at a time; a worker has `concurrency` of them. */
export interface Slot {
  /** What the jobs that run in it are locked with, one after the other. */
  readonly token: string;
  /** Aborted when the lock of the job that runs in it is lost. */
  readonly signal: AbortSignal;
  /** Fetches the job that runs here next; called in the turn in which this one is moved away. */
  fetchNext(): void;
  /** The job stays after all: what was fetched goes back, and is the next to be fetched. */
  giveNextBack(): Promise<void>;
}

type Fetched<Data, Result> = Promise<Job<Data, Result>>;

export class SlotWorker<Data, Result> extends Worker<Data, Result> {
  /** By token. */
  private readonly fetched = new Map<string, Fetched<Data, Result>>();
  /** Of jobs that have ended, for the next ones: making one costs more than a save. */
  private readonly idle: AbortController[] = [];
  /** By the id of a job that runs. */
  private readonly ofJob = new Map<string, AbortController>();
  private readonly fetchPause = new FetchPause();
  private jobsUnderWay = 0;
  private readonly waitingForIdle: (() => void)[] = [];

  constructor(name: string, processor: Processor<Data, Result>, options: WorkerOptions) {
    // A worker of BullMQ that runs by itself fetches before this class has its fields.
    super(name, processor, { ...options, autorun: false });
    this.on('closing', () => this.fetchPause.end());
    this.run().catch((error) => this.emit('error', error));
  }

  /** Runs a step of a job in the slot of this token. */
  async within<T>(token: string, jobId: string, step: (slot: Slot) => Promise<T>): Promise<T> {
    const controller = this.idle.pop() ?? newController();
    this.ofJob.set(jobId, controller);
    this.jobsUnderWay += 1;
    try {
      return await step({
        token,
        signal: controller.signal,
        fetchNext: () => this.fetchNext(token),
        giveNextBack: () => this.giveNextBack(token),
      });
    } finally {
      // A job whose lock was lost may run in another slot already.
      if (this.ofJob.get(jobId) === controller) this.ofJob.delete(jobId);
      if (!controller.signal.aborted) this.idle.push(controller);
      if (this.closing) await this.giveNextBack(token);
      this.jobsUnderWay -= 1;
      if (this.jobsUnderWay === 0) for (const resolve of this.waitingForIdle.splice(0)) resolve();
    }
  }

  /** Resolves when no step of a job runs: at once, or when the last one that runs is over. */
  async whenIdle(): Promise<void> {
    if (this.jobsUnderWay === 0) return;
    await new Promise<void>((resolve) => {
      this.waitingForIdle.push(resolve);
    });
  }

  /** Tells a job that runs that its lock was lost. */
  lostLock(jobId: string): void {
    this.ofJob.get(jobId)?.abort(new LockLostError(jobId));
  }

  /** Never rejects: the lock of a job that could not be given back runs out, as after a crash. */
  private async giveNextBack(token: string): Promise<void> {
    try {
      const next: Job | undefined = await this.take(token);
      await next?.moveToWait(token);
    } catch (error) {
      this.emit('error', error as Error);
    }
  }

  protected override async moveToActive(token: string, name?: string): Fetched<Data, Result> {
    if (this.fetchPause.current) await this.fetchPause.current;
    try {
      const job = await (this.take(token) ?? super.moveToActive(token, name));
      this.fetchPause.answered();
      return job;
    } catch (error) {
      if (isReplyError(error)) await this.fetchPause.begin();
      throw error;
    }
  }

  private fetchNext(token: string): void {
    // A move that failed has fetched already.
    if (this.closing || this.fetchPause.current || this.fetched.has(token)) return;
    const next = super.moveToActive(token, this.opts.name);
    // Told to who takes it.
    next.catch(() => {});
    this.fetched.set(token, next);
  }

  private take(token: string): Fetched<Data, Result> | undefined {
    const next = this.fetched.get(token);
    this.fetched.delete(token);
    return next;
  }
}

/** Any number of requests may listen, side by side; each takes its listener away when it ends. */
function newController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
