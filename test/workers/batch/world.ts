/** A moment in the life of a batch, with what happens beside it, and the small changes that lead from one to the next. */
import type { Reason } from '../../../src/errors.js';
import { fromRanges } from '../../../src/jobs/index-ranges.js';
import { type BatchState, newBatchState } from '../../../src/jobs/state/batch-state.js';
import type { PollResult } from '../../../src/jobs/state/poll-state.js';
import { type Leaving, membersToLeave } from '../../../src/workers/batch/gate-members.js';
import type { SendResult } from '../../../src/workers/batch/upload/upload-transitions.js';

/** Whose the members of the gate are. */
export const OWNER = { lease: { jobId: 'batch-x' }, job: { timestamp: 1 } };
export const REASON: Reason = { code: 'ATLAS_REJECTED', message: 'no' };

/** A poll job: how often it has ended, and with what; pending while there is no result. */
interface Poll {
  runs: number;
  status: PollResult['status'] | null;
}

export interface World {
  /** Documents in an upload. */
  size: number;
  /** Members of the gate; null where none is on. */
  gate: { inFlight: readonly string[]; line: readonly string[] } | null;
  saved: BatchState;
  /** What the processor has in memory; null while no worker runs the job. */
  live: BatchState | null;
  /** Uploads whose POST may be on its way, or whose response is not saved. */
  posted: readonly number[];
  /** Those of them that Atlas has taken, while Redis refuses to save that. */
  refusedByRedis: readonly number[];
  /** Uploads whose worker lives and has lost the job, and where its POST stands. */
  away: Readonly<Record<number, 'posted' | 'refused-by-redis'>>;
  receipts: Readonly<Record<number, SendResult>>;
  /** An answer of Atlas came that nobody waits for any more. */
  orphaned: boolean;
  /** Uploads that this entry of the job has tried to send. */
  tried: readonly number[];
  /** A transient error: the batch sleeps when no response is awaited any more. */
  failing: boolean;
  polls: Readonly<Record<string, Poll>>;
  cancelled: boolean;
  pastDeadline: boolean;
  /** 0, and 1 after the operator's retry. */
  attempt: number;
  /** Ids of the events, of all runs. */
  events: readonly string[];
  /** The job has completed or failed. */
  finished: boolean;
  /** Somebody has erased it since. */
  erased: boolean;
}

export const START: World = {
  size: 1,
  gate: null,
  saved: newBatchState(0, 0),
  live: null,
  posted: [],
  refusedByRedis: [],
  away: {},
  receipts: {},
  orphaned: false,
  tried: [],
  failing: false,
  polls: {},
  cancelled: false,
  pastDeadline: false,
  attempt: 0,
  events: [],
  finished: false,
  erased: false,
};

export function forget(world: World, members: readonly string[]): World {
  if (world.gate === null) return world;
  const without = (list: readonly string[]) => list.filter((one) => !members.includes(one));
  const { inFlight, line } = world.gate;
  return { ...world, gate: { inFlight: without(inFlight), line: without(line) } };
}

export function all({ unsent, others }: Leaving): string[] {
  return [...unsent.map(({ member }) => member), ...others];
}

/** A batch that sends nothing now keeps nobody waiting. */
export function leaveUnsent(world: World, state: BatchState): World {
  return forget(world, all(membersToLeave(OWNER, state)));
}

/** The worker dies, or the batch sleeps or waits: what is in memory is gone. */
export function leave(world: World): World {
  return { ...world, live: null, posted: [], refusedByRedis: [], tried: [], failing: false };
}

export function save(world: World, state: BatchState): World {
  return { ...world, live: state, saved: state };
}

/** What Atlas may answer to the POST of an upload. */
export function resultsOf({ attempt, saved, cancelled }: World, index: number, resubmit: boolean) {
  const results: SendResult[] = [
    { kind: 'accepted', atlasBatchId: `${attempt}.${saved.round}.${index}`, sentAt: 0 },
    { kind: 'not-taken' },
    { kind: 'refused', reason: REASON },
    { kind: 'unknown', why: 'a reset', resubmit },
    { kind: 'unknown', why: 'no id', resubmit, answered: true },
  ];
  const upload = saved.uploads[index];
  if (upload && fromRanges(upload.documentIndexes).length > 1)
    results.push({ kind: 'too-large', reason: REASON });
  if (cancelled) results.push({ kind: 'cancelled' });
  return results;
}
