/**
 * A BullMQ worker that pauses when Redis refuses the fetch of a job, and takes no job before it is
 * told to start. BullMQ's own fetches again at once: a full Redis then takes a core of the worker and
 * thousands of log lines a second.
 */
import { type Job, type Processor, Worker, type WorkerOptions } from 'bullmq';
import { pause } from '../timeouts.js';
import { isReplyError } from './reply-error.js';

/** Doubled with each refusal in a row: soon back after a moment's refusal, no burden in a long one. */
export const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 5000;

export class PausingWorker<Data, Result> extends Worker<Data, Result> {
  /** Fetches that Redis refused in a row. */
  private refusals = 0;
  /** The pause that is under way: all fetches wait for it. */
  private fetchPause: Promise<void> | undefined;
  private readonly stopped = new AbortController();

  constructor(name: string, processor: Processor<Data, Result>, options: WorkerOptions) {
    super(name, processor, { ...options, autorun: false });
    this.on('closing', () => this.stopped.abort());
  }

  /** Takes jobs, once both connections to Redis are usable. Rejects when the worker is closed before. */
  async start(): Promise<void> {
    await this.waitUntilReady();
    this.run().catch((error) => this.emit('error', error));
  }

  protected override async moveToActive(token: string, name?: string): Promise<Job<Data, Result>> {
    await this.fetchPause;
    try {
      const job = await super.moveToActive(token, name);
      this.refusals = 0;
      return job;
    } catch (error) {
      if (isReplyError(error)) {
        this.fetchPause ??= this.pauseFetches();
        await this.fetchPause;
      }
      throw error;
    }
  }

  private async pauseFetches(): Promise<void> {
    const ms = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** this.refusals);
    this.refusals += 1;
    await pause(ms, this.stopped.signal).catch(() => {});
    this.fetchPause = undefined;
  }
}
