/** When a worker takes jobs of a queue: not while Redis takes no writes, nor while it leaves them to others. */
import type { FetchGate } from '../redis/pausing-worker.js';
import { pause } from '../timeouts.js';

/** Soon after it may take jobs again, or one has to end: what is asked is known already, or one short script. */
const ASK_EVERY_MS = 1000;

export abstract class Intake implements FetchGate {
  constructor(private readonly writes: FetchGate) {}

  protected abstract leavesJobs(): boolean;

  /** Brings jobs that are taken all the same to the head of the queue. @returns how many. Default: none. */
  protected async bring(): Promise<number> {
    return 0;
  }

  isClosed(): boolean {
    return this.writes.isClosed() || this.leavesJobs();
  }

  async mayFetch(): Promise<boolean> {
    if (this.writes.isClosed()) return false;
    return !this.leavesJobs() || (await this.bring()) > 0;
  }

  async opened(signal: AbortSignal): Promise<void> {
    await this.writes.opened(signal);
    while (this.leavesJobs() && !signal.aborted && (await this.bring()) === 0) {
      await pause(ASK_EVERY_MS, signal).catch(() => {});
    }
  }
}
