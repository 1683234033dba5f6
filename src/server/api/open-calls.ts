/**
 * Bounds what is open at once: calls that wait, streams, and bulk requests. Each holds memory for as long
 * as it is open, so both a token and the process have a limit.
 */
import { ApiProblem } from './problem.js';

/** Kinds of calls that stay open. */
export type OpenKind = 'wait' | 'events' | 'results' | 'bulk';

export type OpenLimits = Readonly<Record<OpenKind, { token: number; process: number }>>;

/** A call that waits takes some 20 KiB, a stream of events 30 KiB, one of results or a bulk some MiB. */
export const OPEN_LIMITS: OpenLimits = {
  wait: { token: 2500, process: 5000 },
  events: { token: 600, process: 1200 },
  results: { token: 16, process: 32 },
  bulk: { token: 2, process: 4 },
};

/** Others end within seconds, as a rule. */
const RETRY_AFTER_SECONDS = 2;

export class OpenCalls {
  private readonly counts = new Map<string, number>();

  constructor(private readonly limits: OpenLimits = OPEN_LIMITS) {}

  /**
   * @returns A function that says that the call is over. May be called twice.
   * @throws ApiProblem when the token, or the process, has as many open as it may.
   */
  open(kind: OpenKind, tokenName: string): () => void {
    const { token, process } = this.limits[kind];
    const ofToken = `${kind} ${tokenName}`;
    if (this.count(ofToken) >= token || this.count(kind) >= process) {
      throw new ApiProblem('TOO_MANY_REQUESTS', {
        detail: `too many open calls of this kind (${kind})`,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.add(ofToken, 1);
    this.add(kind, 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      this.add(ofToken, -1);
      this.add(kind, -1);
    };
  }

  private count(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  private add(key: string, by: 1 | -1): void {
    const count = this.count(key) + by;
    if (count === 0) this.counts.delete(key);
    else this.counts.set(key, count);
  }
}
