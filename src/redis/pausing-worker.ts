/**
 * A BullMQ worker that pauses when Redis refuses the fetch of a job, takes no job before it is
 * told to start, and goes by the clock of Redis. BullMQ's own fetches again at once: a full Redis then takes a core of the worker and
 * thousands of log lines a second.
 */
import { type Job, type Processor, Worker, type WorkerOptions } from 'bullmq';
import { pause } from '../timeouts.js';
import type { Clock } from './clock.js';
import { isOfMove } from './connection/connection-errors.js';
import { isReplyError } from './reply-error.js';
import { goByRedisTime } from './worker-time.js';

/** What fetches wait for. */
export interface FetchGate {
  /** Whether {@link opened} has to be waited for: nothing is fetched by the way. */
  isClosed(): boolean;
  /** Whether a job may be fetched now. It does not wait: jobs that were fetched before would not run. */
  mayFetch(): Promise<boolean>;
  /** Resolves when jobs may be fetched, or when the signal is aborted. */
  opened(signal: AbortSignal): Promise<void>;
  /** True where {@link opened} alone says when to fetch, and BullMQ is not waited for. */
  readonly isNotTold?: boolean;
}

/** Doubled with each refusal in a row: soon back after a moment's refusal, no burden in a long one. */
export const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 5000;

export class PausingWorker<Data, Result> extends Worker<Data, Result> {
  /** Why Redis refused the last fetch; null when it did not. */
  refusedFetch: Error | null = null;
  /** What Redis refused in a row. */
  private refusals = 0;
  /** The pause that is under way: all fetches wait for it. */
  private fetchPause: Promise<void> | undefined;
  private readonly stopped = new AbortController();

  constructor(
    name: string,
    processor: Processor<Data, Result>,
    options: WorkerOptions,
    protected readonly clock: Clock,
    protected readonly gate?: FetchGate | undefined,
  ) {
    super(name, processor, { ...options, autorun: false });
    this.on('closing', () => this.stopped.abort());
    this.on('error', (error) => {
      if (!isReplyError(error) || isOfMove(error)) return;
      this.refusedFetch = error;
      this.fetchPause ??= this.pauseFetches();
    });
    // BullMQ waits for a job by a command of its own, which Redis may refuse too.
    const { backend } = this;
    goByRedisTime(backend, clock);
    const waitForJob = backend.waitForJob.bind(backend);
    backend.waitForJob = async (timeout) => {
      const waits = (await this.opened()) && this.gate?.isNotTold !== true;
      return waits ? waitForJob(timeout) : null;
    };
  }

  /** Takes jobs, once both connections to Redis are usable. Rejects when the worker is closed before. */
  async start(): Promise<void> {
    await this.waitUntilReady();
    this.run().catch((error) => this.emit('error', error));
  }

  protected override async moveToActive(token: string, name?: string): Promise<Job<Data, Result>> {
    await this.fetchPause;
    const mayFetch = !this.stopped.signal.aborted && (await this.gate?.mayFetch()) !== false;
    // No job, whatever the type says: BullMQ takes that for an empty queue, and waits for the next.
    if (!mayFetch) return this.nextJobFromJobData() as never;
    const job = await super.moveToActive(token, name);
    this.refusals = 0;
    this.refusedFetch = null;
    return job;
  }

  /** BullMQ's pause after an error would keep a closed worker alive. It asks once per interval anyway. */
  protected override checkConnectionError<T>(action: () => Promise<T>): Promise<T | undefined> {
    return super.checkConnectionError(action, 0);
  }

  /** Waits until a fetch makes sense. @returns false when the worker is closed before. */
  private async opened(): Promise<boolean> {
    await this.fetchPause;
    await this.gate?.opened(this.stopped.signal);
    return !this.stopped.signal.aborted;
  }

  private async pauseFetches(): Promise<void> {
    const ms = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** this.refusals);
    this.refusals += 1;
    await pause(ms, this.stopped.signal).catch(() => {});
    this.fetchPause = undefined;
  }
}
