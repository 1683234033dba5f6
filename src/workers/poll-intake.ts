/**
 * Which polls a worker takes: none while it cannot reach Atlas and another one can. It would turn them away, each for
 * about as long as its own outage has lasted, and polls of the whole fleet would come late by that. Where nobody can,
 * polls are taken all the same: they end at their deadline.
 */
import type { Reason } from '../errors.js';
import type { FetchGate } from '../redis/pausing-worker.js';
import { Intake } from './intake.js';

export class PollIntake extends Intake {
  constructor(
    private readonly parts: {
      writes: FetchGate;
      atlas: { readonly whyShut: Reason | null };
      gate: { readonly othersCanSend: boolean };
    },
  ) {
    super(parts.writes);
  }

  protected override leavesJobs(): boolean {
    const { atlas, gate } = this.parts;
    return atlas.whyShut !== null && gate.othersCanSend;
  }
}
