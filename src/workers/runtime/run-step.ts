/**
 * The frame around every job. It opens the lease, reads the saved state, calls the step of the job's
 * kind and turns the value that the step returns into BullMQ's verbs.
 *
 * BullMQ fails a job for every error that it does not know, and a job that fails without its event
 * is a lost batch. So this is the only file that throws BullMQ's control errors, and an error that
 * leaves a step leaves the job where it is: its lock runs out, and the next worker enters it again
 * from the saved state.
 */
import type { Job } from 'bullmq';
import { DelayedError, UnrecoverableError, WaitingChildrenError, WaitingError } from 'bullmq';
import { errorFields, LockLostError } from '../../errors.js';
import { readState } from '../../jobs/state/batch-state.js';
import type { GatheredLines } from '../../logging/gathered-lines.js';
import { kindOf } from '../../logging/repeated-lines.js';
import type { LuaPart } from '../../redis/lua-script.js';
import { promote } from '../../redis/promote.js';
import { writeRefusal } from '../../redis/reply-error.js';
import type { WriteGate } from '../../redis/write-gate.js';
import { JobLease, type LeaseOptions } from './job-lease.js';
import type { WaitKeys } from './moves/wait-script.js';
import type { Processor, Slot } from './slot.js';

/** How long a job is left alone whose state a newer version wrote: a rolling deploy takes minutes. */
const NEWER_STATE_DELAY_MS = 15_000;

/** What a step wants to become of its job. */
export type StepResult<Value> =
  | { kind: 'finished'; value: Value }
  /** The state is saved with a line of the log in the move, and the parts are done; `afterwards` runs after it. */
  | {
      kind: 'save-and-finish';
      value: Value;
      keepSeconds: number;
      line: string;
      also: readonly LuaPart[];
      afterwards: () => void;
    }
  /** The job fails; whoever waits for it has been told. */
  | { kind: 'failed'; message: string }
  /** `afterwards` runs after the move, and says whether somebody wanted the job meanwhile. */
  | { kind: 'sleep'; delayMs: number; afterwards?: () => Promise<boolean> }
  /**
   * The state is saved with a line of the log in the move, which also reads keys: do they want the job awake? Asked
   * after the move.
   */
  | {
      kind: 'save-and-sleep';
      delayMs: number;
      line: string;
      read: readonly string[];
      isWanted: (values: readonly (string | null)[]) => boolean | Promise<boolean>;
    }
  /**
   * `added` are children that are being added. `afterwards` runs after the move, with the values of the keys that the
   * move has read. When no child is pending, or a key is another's, the step is called again.
   */
  | {
      kind: 'wait-for-children';
      added: Iterable<Promise<void>>;
      keys?: WaitKeys;
      afterwards?: (values: readonly (string | null)[]) => Promise<void>;
    }
  /** Another worker goes on with the job at once. */
  | { kind: 'give-back' };

/** One entry of a job: from its fetch to its move. */
export interface StepEntry<Data, State extends object> {
  readonly job: Job<Data>;
  readonly lease: JobLease<State>;
  /** Aborted when the job's lock is lost. */
  readonly signal: AbortSignal;
  /** The flags of its batch, where they were read with the fetch of the job. */
  readonly flags: readonly (string | null)[] | null;
  state: State;
  /** The step wanted to wait for children, and none was pending. */
  childrenDone: boolean;
}

/** What a queue's jobs are: their state, and the step that carries them on. */
export interface JobKind<Data, State extends { v: 1 }, Value>
  extends Pick<LeaseOptions<State>, 'digest' | 'started'> {
  queueName: string;
  /** The state of a job that saved none yet. */
  newState(job: Job<Data>): State;
  step(entry: StepEntry<Data, State>): Promise<StepResult<Value>>;
  /** After the job's lock was lost, perhaps with the job. Must not reject. */
  lost?(job: Job<Data>): Promise<void>;
}

/** The worker is stopping: the job is given back at the next safe point. */
export class StoppingError extends Error {
  override name = 'StoppingError';
}

/**
 * For steps that catch errors: throws those that only the frame may judge. They are a stop of the
 * worker, everything that fails once the lock is lost, and a write that Redis refuses: no state that
 * counts it could be saved.
 */
export function rethrowInterruption(
  error: unknown,
  { signal, lease }: { signal: AbortSignal; lease: { jobId: string } },
): void {
  if (error instanceof StoppingError || error instanceof LockLostError) throw error;
  if (writeRefusal(error) !== null) throw error;
  if (signal.aborted) throw new LockLostError(lease.jobId);
}

/**
 * What tells BullMQ where a job was moved; of one that is completed already it need not know more than that it was
 * moved. Made once: nobody reads their stacks.
 */
const MOVE_ERRORS = {
  completed: new DelayedError(),
  delayed: new DelayedError(),
  waiting: new WaitingError(),
  'waiting-children': new WaitingChildrenError(),
};

type Frame = Pick<LeaseOptions<object>, 'redis' | 'clock'> & {
  config: { QUEUE_PREFIX: string };
  lines: GatheredLines;
};
type JobEnd<Value> = Extract<StepResult<Value>, { kind: 'finished' | 'failed' }>;
type JobMove = { kind: 'moved'; to: keyof typeof MOVE_ERRORS };

/** The processor of a queue. Throws nothing but BullMQ's control errors. */
export function createProcessor<Data, State extends { v: 1 }, Value>(
  { redis, config, clock, lines }: Frame,
  kind: JobKind<Data, State, Value>,
): Processor<Data, Value> {
  const queueKey = `${config.QUEUE_PREFIX}:${kind.queueName}`;
  const { digest, started } = kind;
  const options = { redis, queueKey, clock, digest, ...(started && { started }) };
  return async (job, slot) => {
    const lease = new JobLease<State>({ ...options, job, token: slot.token });
    let end: JobEnd<Value> | JobMove;
    try {
      end = await runUntilMoved(kind, { job, lease, slot });
    } catch (error) {
      const reason = slot.signal.aborted ? slot.signal.reason : error;
      reportLeftJob(lines, lease.jobId, reason);
      if (reason instanceof LockLostError) await kind.lost?.(job);
      throw MOVE_ERRORS.delayed;
    }
    if (end.kind === 'finished') return end.value;
    throw end.kind === 'failed' ? new UnrecoverableError(end.message) : MOVE_ERRORS[end.to];
  };
}

async function runUntilMoved<Data, State extends { v: 1 }, Value>(
  kind: JobKind<Data, State, Value>,
  { job, lease, slot }: { job: Job<Data>; lease: JobLease<State>; slot: Slot },
): Promise<JobEnd<Value> | JobMove> {
  const stored = readState<State>(job.progress);
  if (stored.kind === 'newer') {
    await slot.moveToDelayed(NEWER_STATE_DELAY_MS);
    return { kind: 'moved', to: 'delayed' };
  }
  const state = stored.kind === 'known' ? stored.state : kind.newState(job);
  const { signal, flags } = slot;
  const entry = { job, lease, signal, flags, state, childrenDone: false };
  for (;;) {
    const result = await callStep(kind, entry);
    switch (result.kind) {
      case 'finished':
      case 'failed':
        return result;
      case 'give-back':
        await job.moveToWait(slot.token);
        return { kind: 'moved', to: 'waiting' };
      case 'sleep':
        await slot.moveToDelayed(result.delayMs);
        if (await result.afterwards?.()) await promote(job);
        return { kind: 'moved', to: 'delayed' };
      case 'save-and-sleep': {
        const { delayMs, line, read, isWanted } = result;
        const saving = lease.saving(entry.state, line, { read });
        if (await isWanted(await slot.saveAndSleep(saving, delayMs))) await promote(job);
        return { kind: 'moved', to: 'delayed' };
      }
      case 'save-and-finish': {
        const { value, keepSeconds, line, also } = result;
        const saving = lease.saving(entry.state, line, {});
        await slot.saveAndFinish(saving, { value, keepSeconds, also });
        result.afterwards();
        return { kind: 'moved', to: 'completed' };
      }
      case 'wait-for-children': {
        await Promise.all(result.added);
        const { waits, values } = await slot.waitForChildren(result.keys ?? { read: [] });
        await result.afterwards?.(values);
        if (waits) return { kind: 'moved', to: 'waiting-children' };
        entry.childrenDone = true;
      }
    }
  }
}

async function callStep<Data, State extends { v: 1 }, Value>(
  kind: JobKind<Data, State, Value>,
  entry: StepEntry<Data, State>,
): Promise<StepResult<Value>> {
  try {
    return await kind.step(entry);
  } catch (error) {
    if (error instanceof StoppingError) return { kind: 'give-back' };
    throw error;
  }
}

/** Nothing of what the {@link WriteGate} says once for all. A stall of Redis takes the locks of all jobs. */
function reportLeftJob(lines: GatheredLines, jobId: string, error: unknown): void {
  if (writeRefusal(error) !== null) return;
  if (error instanceof LockLostError) {
    const message = `the lock of job ${jobId} was lost; another worker goes on with it`;
    lines.add({ level: 'warn', kind: error.name, fields: { jobId }, message });
    return;
  }
  const fields = { jobId, ...errorFields(error) };
  const kind = `left ${fields.errorName} ${error instanceof Error ? kindOf(error.message) : ''}`;
  lines.add({ level: 'error', kind, fields, message: `job ${jobId} was left to the next worker` });
}
