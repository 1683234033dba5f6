/**
 * A BullMQ worker that prefetches. When a job is moved to `delayed` or `waiting-children`, the command
 * that fetches the next job is sent in the same socket write. BullMQ itself prefetches only when a job
 * finishes.
 */
import { setMaxListeners } from 'node:events';
import type { Job, LockManagerWorkerContext } from 'bullmq';
import { LockLostError } from '../../errors.js';
import { PausingWorker } from '../../redis/pausing-worker.js';
import { TokenLockManager } from './token-lock-manager.js';

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

export class PrefetchingWorker<Data, Result> extends PausingWorker<Data, Result> {
  /** By token. */
  private readonly fetched = new Map<string, Fetched<Data, Result>>();
  /** Of jobs that have ended, for the next ones: making one costs more than a save. */
  private readonly idle: AbortController[] = [];
  /** Of the jobs that run, by token. */
  private readonly controllers = new Map<string, AbortController>();
  private jobsUnderWay = 0;
  private readonly waitingForIdle: (() => void)[] = [];

  /** Runs a step of a job in the slot of this token. */
  async within<T>(token: string, job: Job<Data>, step: (slot: Slot) => Promise<T>): Promise<T> {
    const { id = '', processedOn = 0 } = job;
    const controller = this.idle.pop() ?? newController();
    this.controllers.set(token, controller);
    this.locks.hold(id, token, processedOn);
    this.jobsUnderWay += 1;
    try {
      return await step({
        token,
        signal: controller.signal,
        fetchNext: () => this.fetchNext(token),
        giveNextBack: () => this.giveNextBack(token),
      });
    } finally {
      this.locks.release(id, token);
      this.controllers.delete(token);
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

  private get locks(): TokenLockManager {
    return this.lockManager as TokenLockManager;
  }

  protected override createLockManager(): void {
    const { lockRenewTime = 0, lockDuration = 0, name: workerName } = this.opts;
    this.lockManager = new TokenLockManager(this as LockManagerWorkerContext, {
      lockRenewTime,
      lockDuration,
      workerId: this.id,
      ...(workerName !== undefined && { workerName }),
    });
    this.on('lockRenewalFailed', (jobIds: string[]) => {
      for (const jobId of jobIds) {
        const token = this.locks.tokenOf(jobId) ?? '';
        this.controllers.get(token)?.abort(new LockLostError(jobId));
      }
    });
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

  protected override fetchJob(token: string, name?: string): Fetched<Data, Result> {
    return this.take(token) ?? super.fetchJob(token, name);
  }

  private fetchNext(token: string): void {
    // A move that failed has fetched already.
    if (this.closing || this.fetchPause.current || this.fetched.has(token)) return;
    const next = super.fetchJob(token, this.opts.name);
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
