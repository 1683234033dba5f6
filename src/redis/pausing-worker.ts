/**
 * A BullMQ worker that pauses when Redis refuses the fetch of a job, and takes no job before it is
 * told to start. BullMQ's own fetches again at once, and fetches as soon as it is made.
 */
import { type Job, type Processor, Worker, type WorkerOptions } from 'bullmq';
import { FetchPause } from './fetch-pause.js';
import { isReplyError } from './reply-error.js';

export class PausingWorker<Data, Result> extends Worker<Data, Result> {
  protected readonly fetchPause = new FetchPause();

  constructor(name: string, processor: Processor<Data, Result>, options: WorkerOptions) {
    super(name, processor, { ...options, autorun: false });
    this.on('closing', () => this.fetchPause.end());
  }

  /** Takes jobs, once both connections to Redis are usable. Rejects when the worker is closed before. */
  async start(): Promise<void> {
    await this.waitUntilReady();
    this.run().catch((error) => this.emit('error', error));
  }

  protected override async moveToActive(token: string, name?: string): Promise<Job<Data, Result>> {
    if (this.fetchPause.current) await this.fetchPause.current;
    try {
      const job = await this.fetchJob(token, name);
      this.fetchPause.answered();
      return job;
    } catch (error) {
      if (isReplyError(error)) await this.fetchPause.begin();
      throw error;
    }
  }

  /** One command to Redis that fetches the next job. */
  protected fetchJob(token: string, name?: string): Promise<Job<Data, Result>> {
    return super.moveToActive(token, name);
  }
}
