/** What a worker tells of itself over HTTP, from before its start until after its stop. */
import { Registry } from 'prom-client';
import { describeRefusal } from '../redis/reply-error.js';
import type { WriteGate } from '../redis/write-gate.js';

export class WorkerStatus {
  readonly registry = new Registry();
  /** What it waits for before it takes jobs; null when it takes them. */
  startsAfter: string | null = 'its configuration';
  writes: WriteGate | undefined;
  /** What fetches jobs. */
  fetching: readonly { readonly refusedFetch: Error | null }[] = [];
  /** What it knows of uploads, and Redis does not yet. */
  sentUploads: { readonly size: number } | undefined;
  ownFaults: { readonly latest: string | null } | undefined;
  credentials: { areRefused: boolean } | undefined;

  /** Why it takes no jobs now. */
  whyNotReady(): string[] {
    const why: string[] = [];
    if (this.startsAfter !== null)
      why.push(`the worker has not started: it waits for ${this.startsAfter}`);
    if (this.writes?.refusal) why.push(`Redis refuses writes: ${this.writes.refusal}`);
    const refused = this.fetching.find(({ refusedFetch }) => refusedFetch !== null)?.refusedFetch;
    if (refused) why.push(`no jobs are fetched: Redis ${describeRefusal(refused)}`);
    if (this.credentials?.areRefused) why.push('Atlas refuses the client id and secret');
    const fault = this.ownFaults?.latest;
    if (fault) why.push(`it is not configured for what it is asked to do: ${fault}`);
    return why;
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
