/**
 * What is done for others and nothing waits for: telling the HTTP server which batches have begun
 * and ended, and dropping poll jobs. Gathered, and done a few times a second by one call for all; a
 * call for each was a tenth of what a small batch costs.
 */
import { startedKey } from '../jobs/vital-signs.js';
import type { WorkerContext } from './context.js';
import { dropPolls, type PollsOfBatch } from './drop-polls.js';

/** What a crash loses, and far less than those wait who read it. */
const INTERVAL_MS = 250;

export class Errands {
  /** Job ids, with the start of the run (Redis time, ms); null when it has its outcome. */
  private started = new Map<string, number | null>();
  private dropped: PollsOfBatch[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly context: Pick<WorkerContext, 'redis' | 'config' | 'polls'>) {
    this.timer = setInterval(() => void this.run(), INTERVAL_MS);
    this.timer.unref();
  }

  /** A run of a batch has begun, or goes on. */
  noteStarted(jobId: string, startedAt: number): void {
    this.started.set(jobId, startedAt);
  }

  /** A batch has its outcome. */
  noteEnded(jobId: string): void {
    this.started.set(jobId, null);
  }

  /** A batch has completed: see {@link dropPolls}. */
  dropPolls(polls: PollsOfBatch): void {
    this.dropped.push(polls);
  }

  /** Does what is left; resolves when it is done. */
  stop(): Promise<void> {
    clearInterval(this.timer);
    return this.run();
  }

  private async run(): Promise<void> {
    const { redis, config } = this.context;
    const [started, dropped] = [this.started, this.dropped];
    this.started = new Map();
    this.dropped = [];

    const key = startedKey(config.QUEUE_PREFIX);
    const begun = [...started].flatMap(([jobId, at]) => (at === null ? [] : [at, jobId]));
    const ended = [...started].flatMap(([jobId, at]) => (at === null ? [jobId] : []));
    // A Redis that goes away loses hints, and jobs that are removed when they are old.
    await Promise.allSettled([
      begun.length > 0 && redis.zadd(key, ...begun),
      ended.length > 0 && redis.zrem(key, ...ended),
      dropPolls(this.context, dropped),
    ]);
  }
}
