/** What a job does about its lost entries, before it does anything else. `lost-entries.ts` decides it. */
import { describeReason, type Reason } from '../../errors.js';
import type { LostEntries } from '../../jobs/state/lost-entries.js';
import {
  decideOnLost,
  judgeLostEntries,
  noteLostEntries,
  type OtherWorkers,
} from './lost-entries.js';
import type { StepEntry, StepResult } from './run-step.js';

/** Until it asks again whether a worker has died: that is known with the next heartbeats. */
const ASK_AGAIN_MS = 2000;

interface Losing {
  stallsBefore: number;
  lost?: LostEntries;
}

/** What the two kinds of job do in their own way. */
export interface LosingJob {
  /** What the workers had, such as `this batch`. */
  what: string;
  heartbeat: OtherWorkers & { readonly id: string };
  now: number;
  /** Makes the state of the entry one that waits; it is saved afterwards. */
  beginWait(delayMs: number, reason: Reason): void | Promise<void>;
  /** Somebody hears of it, once for each death that delays or ends the job. */
  tell(message: string): void;
  isCancelled(): Promise<boolean>;
}

/** The job is what kills. */
export interface DeadlyJob {
  kind: 'deadly';
  deaths: number;
  reason: Reason;
}

/** Null where the job goes on: no worker has died over it, or not often enough. */
export async function settleLostEntries<State extends Losing & object>(
  entry: StepEntry<unknown, State>,
  { what, heartbeat, now, beginWait, tell, isCancelled }: LosingJob,
): Promise<Extract<StepResult<never>, { kind: 'sleep' }> | DeadlyJob | null> {
  const { stallsBefore } = entry.state;
  const { stalledCounter } = entry.job;
  const us = { stalledCounter, stallsBefore, worker: heartbeat.id, now };
  const noted = noteLostEntries(entry.state.lost, us);
  if (noted === undefined) return null;
  const lost = judgeLostEntries(noted, heartbeat, now);
  const decision = decideOnLost(lost, now, what);
  // Before anything else is done with it: who has the job now may be the next to die.
  entry.state = { ...entry.state, lost };
  const save = (line?: string) => {
    if ('lost' in decision) entry.state = { ...entry.state, lost: decision.lost };
    return entry.lease.save(entry.state, line);
  };
  switch (decision.next) {
    case 'go-on':
      await save();
      return null;
    case 'ask-again':
      await save();
      // A request to cancel does not wake it: the verdict comes no sooner.
      return { kind: 'sleep', delayMs: ASK_AGAIN_MS };
    case 'sleep':
      await save();
      // Who wants it cancelled does not wait for that.
      if (await isCancelled()) return null;
      return { kind: 'sleep', delayMs: decision.delayMs, afterwards: isCancelled };
    case 'wait': {
      const reason = reasonOf(decision);
      await beginWait(decision.delayMs, reason);
      await save(describeReason(reason));
      tell(decision.message);
      return { kind: 'sleep', delayMs: decision.delayMs, afterwards: isCancelled };
    }
    case 'end':
      await save();
      if (decision.isNew) tell(decision.message);
      return { kind: 'deadly', deaths: lost.deaths, reason: reasonOf(decision) };
  }
}

function reasonOf({ message }: { message: string }): Reason {
  return { code: 'INTERNAL', message };
}
