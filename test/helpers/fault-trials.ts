/** One fault of Atlas alone, in a system of its own, and how every batch in it has to end. */
import pLimit from 'p-limit';
import { expect } from 'vitest';
import type { ReasonCode } from '../../src/errors.js';
import type { BatchRequest } from '../../src/jobs/request/request.js';
import type { AtlasFaultRule, S3Simulator } from '../../src/simulator/index.js';
import { batchesEnded } from './batches-ended.js';
import {
  expectAllEndedOnce,
  expectFewSubmissions,
  expectNoStrayKeys,
  expectStoredAsAtlasHasIt,
  stateOf,
} from './invariants.js';
import { LONG } from './long-form.js';
import { type System, type SystemOptions, startSystem, startTestS3 } from './system.js';
import { waitUntil } from './wait-until.js';

export const BATCHES = LONG ? 100 : 3;
/** For a while every request meets the fault, so that few show what many would. */
const BATCHES_FOR_A_WHILE = LONG ? BATCHES : 2;
export const TEST_TIMEOUT_MS = LONG ? 3_600_000 : 180_000;
const WINDOW_MS = LONG ? 10_000 : 1500;
/** Most of a trial is waiting for back-offs; this many at once keep a core busy. */
const TRIALS_AT_ONCE = LONG ? 6 : 16;
const TRIAL_TIMEOUT_MS = LONG ? 900_000 : 90_000;

/** Two uploads, and the first of them larger than a page. */
const DOCUMENTS = 4;
const ENVIRONMENT = {
  ATLAS_MAX_DOCUMENTS_PER_UPLOAD: '3',
  ATLAS_EXTRACTS_PER_PAGE: '2',
};
/** Long enough that a batch is still in flight when a fault begins. */
const COMPLETION_MS = ({ random }: { random: () => number }) => 300 + 400 * random();

export interface Fault {
  rule: AtlasFaultRule;
  name?: string;
  /** How a batch may end of it other than completed; of each there must be evidence. */
  ends?: ReasonCode[];
  system?: SystemOptions;
  batches?: number;
}

const MODES = ['at 30 %', 'for a while'] as const;
type Mode = (typeof MODES)[number];

/** How a fault is tried; one way in the short form, in turn. */
export function modesOf(index: number): readonly Mode[] {
  const one = MODES[index % MODES.length] ?? MODES[0];
  return LONG ? MODES : [one];
}

/** Tries all, many at once, with one S3 for all of them. */
export async function tryAll<T>(
  trials: readonly T[],
  nameOf: (trial: T) => string,
  attempt: (trial: T, s3: S3Simulator) => Promise<void>,
): Promise<void> {
  const s3 = await startTestS3();
  const limit = pLimit(TRIALS_AT_ONCE);
  const settled = await Promise.allSettled(
    trials.map((trial) =>
      limit(async () => {
        try {
          await attempt(trial, s3);
        } catch (error) {
          throw new Error(nameOf(trial), { cause: error });
        }
      }),
    ),
  );
  // One that fails lets the others end, or they would run on beside the next test.
  for (const trial of settled) if (trial.status === 'rejected') throw trial.reason;
}

/**
 * At 30 % the fault may meet any request of a batch. For a while it meets every request: of
 * batches that were in flight when it began, and of others that are submitted then.
 */
export async function tryFault(s3: S3Simulator, fault: Fault, mode: Mode): Promise<void> {
  const { rule, ends = [] } = fault;
  const { batches = mode === 'for a while' ? BATCHES_FOR_A_WHILE : BATCHES } = fault;
  const system = await startTrial(s3, fault.system);
  const { atlas } = system;
  const worker = await system.startWorker();
  // Credentials that have worked: what comes after is Atlas's failure, not theirs.
  const warm = await system.submit('warm', 1, 'warm-');
  await system.event('done-warm');

  let early: BatchRequest[] = [];
  if (mode === 'at 30 %') {
    atlas.setFaults({ rules: [{ ...rule, probability: 0.3 }] });
  } else {
    const sent = atlas.uploads().length;
    early = await submit(system, 'early', batches / 2);
    await waitUntil('batches in flight', () => atlas.uploads().length >= sent + batches);
    atlas.setFaults({ rules: [rule] });
  }
  const late = await submit(system, 'late', batches - early.length);
  await waitUntil('the fault', () => atlas.faultsFired()[rule.fault]);
  if (mode === 'for a while') atlas.setFaults({ rules: [{ ...rule, untilMs: WINDOW_MS }] });
  const all = [warm, ...early, ...late];
  await batchesEnded(system, all.length, TRIAL_TIMEOUT_MS);

  for (const { reference } of [warm, ...early]) await expectRightEnd(system, reference, []);
  for (const { reference } of late) await expectRightEnd(system, reference, ends);
  await expectInvariants(system, all);
  await worker.stop();
  await expectNoStrayKeys(system);
}

/** An Atlas that has this habit, and no faults. */
export async function tryHabit(
  s3: S3Simulator,
  atlas: NonNullable<SystemOptions['atlas']>,
): Promise<void> {
  const system = await startTrial(s3, { atlas });
  const worker = await system.startWorker();
  const requests = await submit(system, 'plain', BATCHES);
  await batchesEnded(system, requests.length, TRIAL_TIMEOUT_MS);
  for (const { reference } of requests) await expectRightEnd(system, reference, []);
  await expectInvariants(system, requests);
  await worker.stop();
  await expectNoStrayKeys(system);
}

function startTrial(s3: S3Simulator, { atlas, environment }: SystemOptions = {}): Promise<System> {
  return startSystem({
    s3,
    // The URLs are the same in all trials, and to fetch them is most of the work.
    atlas: { completionMs: COMPLETION_MS, fetchUrls: false, ...atlas },
    environment: { ...ENVIRONMENT, ...environment },
  });
}

async function submit(system: System, name: string, count: number): Promise<BatchRequest[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      system.submit(`${name}-${i}`, DOCUMENTS, `${name}-${i}-`),
    ),
  );
}

/** Completed; or failed for a reason of which the state of the batch has the evidence. */
async function expectRightEnd(
  system: System,
  reference: string,
  ends: ReasonCode[],
): Promise<void> {
  const { data } = await system.event(`done-${reference}`);
  if (data.status === 'completed') return;
  const code = data.reason?.code;
  expect(ends, `${reference}: ${data.reason?.message}`).toContain(code);
  if (code === 'INCOMPLETE') return expect(data.documents.missing).not.toEqual([]);
  const { uploads } = await stateOf(system, reference);
  const refused = uploads.filter((upload) => upload.state === 'refused');
  expect(refused.length).toBeGreaterThan(0);
  for (const { reason, resubmissions } of refused) {
    expect(reason.code).toBe(code);
    if (code === 'AMBIGUOUS_SUBMISSION') expect(resubmissions).toBe(2);
  }
  // What was sent before the refusal was waited for and stored.
  const sent = uploads.filter((upload) => upload.state === 'ended');
  for (const { result } of sent) expect(result.stored).toBe(true);
}

async function expectInvariants(system: System, requests: BatchRequest[]): Promise<void> {
  await expectAllEndedOnce(system, requests);
  await expectStoredAsAtlasHasIt(system, requests);
  await expectFewSubmissions(system, requests);
  // A transient error never counts as a failed attempt of a job.
  const { batches, pollJobs } = system;
  const ended = await batches.getJobs(['completed', 'failed']);
  expect(ended.filter(({ attemptsMade }) => attemptsMade !== 1)).toEqual([]);
  for (const { attemptsMade, data } of await pollJobs.getJobs()) {
    // A second upload that was given the id of one that has ended is polled for again.
    const { uploads } = await stateOf(system, data.reference);
    const runs = uploads.flatMap((upload) =>
      'expectedPollRuns' in upload && upload.atlasBatchId === data.atlasBatchId
        ? upload.expectedPollRuns
        : [],
    );
    expect(attemptsMade, data.atlasBatchId).toBe(Math.max(1, ...runs));
  }
}
