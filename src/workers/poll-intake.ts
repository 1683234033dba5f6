/**
 * Which polls a worker takes: none while it cannot reach Atlas and another one can. It would turn them away, each for
 * about as long as its own outage has lasted, and polls of the whole fleet would come late by that. Where nobody can,
 * polls are taken all the same: they end at their deadline.
 */
import type { Reason } from '../errors.js';
import type { FetchGate } from '../redis/pausing-worker.js';
import { pause } from '../timeouts.js';

/** What is known of other workers is as old as that. */
const ASK_EVERY_MS = 1000;

export class PollIntake implements FetchGate {
  constructor(
    private readonly parts: {
      writes: FetchGate;
      atlas: { readonly whyShut: Reason | null };
      gate: { readonly othersCanSend: boolean };
    },
  ) {}

  isClosed(): boolean {
    return this.parts.writes.isClosed() || this.leavesPolls;
  }

  async mayFetch(): Promise<boolean> {
    return !this.isClosed();
  }

  async opened(signal: AbortSignal): Promise<void> {
    await this.parts.writes.opened(signal);
    while (this.leavesPolls && !signal.aborted) await pause(ASK_EVERY_MS, signal).catch(() => {});
  }

  private get leavesPolls(): boolean {
    const { atlas, gate } = this.parts;
    return atlas.whyShut !== null && gate.othersCanSend;
  }
}
