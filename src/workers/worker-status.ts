/** What a worker tells of itself over HTTP, from before its start until after its stop. */
import { Registry } from 'prom-client';
import { describeRefusal, writeRefusal } from '../redis/reply-error.js';
import type { WriteGate } from '../redis/write-gate.js';
import type { UnsavedUpload } from './batch/upload/sent-uploads.js';

/** What takes the jobs of one queue. */
interface Fetcher {
  readonly name: string;
  readonly activeJobs: number;
  readonly refusedFetch: Error | null;
}

export class WorkerStatus {
  readonly registry = new Registry();
  /** The end of a sentence that begins with `the worker`; null when it takes jobs. Pages have it as of the last heartbeat. */
  notStarted: string | null = 'has not started: it waits for its configuration';
  writes: WriteGate | undefined;
  /** One for each queue; empty before it takes jobs. */
  fetchers: readonly Fetcher[] = [];
  /** What it knows of uploads, and Redis does not yet. */
  sentUploads: { readonly size: number; readonly unknown: readonly UnsavedUpload[] } | undefined;
  /** Null where no replica is waited for. */
  replica: { readonly refusal: string | null } | null = null;
  ownFaults: { readonly latest: string | null } | undefined;
  credentials: { areRefused: boolean } | undefined;

  /** Why it takes no jobs now. */
  whyNotReady(): string[] {
    const why: string[] = [];
    if (this.notStarted !== null) why.push(`the worker ${this.notStarted}`);
    if (this.writes?.refusal) why.push(`Redis refuses writes: ${this.writes.refusal}`);
    const refused = this.fetchers.find(({ refusedFetch }) => refusedFetch !== null)?.refusedFetch;
    // What is refused to every write is said above, for as long as it is.
    if (refused && writeRefusal(refused) === null)
      why.push(`no jobs are fetched: Redis ${describeRefusal(refused)}`);
    if (this.replica?.refusal) why.push(this.replica.refusal);
    if (this.credentials?.areRefused) why.push('Atlas refuses the client id and secret');
    const fault = this.ownFaults?.latest;
    if (fault) why.push(`it is not configured for what it is asked to do: ${fault}`);
    return why;
  }

  /** Jobs that run, by queue. */
  get activeJobs(): Record<string, number> {
    return Object.fromEntries(this.fetchers.map(({ name, activeJobs }) => [name, activeJobs]));
  }

  /** Whether it has ended and left uploads of which nobody knows whether Atlas took them. */
  get hasLostUploads(): boolean {
    return this.sentUploads !== undefined && this.sentUploads.unknown.length > 0;
  }

  /** Why it should be restarted. A restart would throw away the responses that are not saved yet. */
  async whyNotLive(): Promise<string[]> {
    if (this.sentUploads && this.sentUploads.size > 0) return [];
    const isBroken = await this.writes?.isBroken();
    return isBroken
      ? ['nothing reached Redis for a minute, although it serves new connections']
      : [];
  }
}
