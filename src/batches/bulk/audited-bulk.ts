/**
 * An action on many batches that is written down: when it begins and when it ends, so that it is known of one whose
 * process is killed in the middle too. Of batches that were named each has a record beside that.
 */
import { randomBytes } from 'node:crypto';
import { readReason } from '../../check-options.js';
import { errorName } from '../../errors.js';
import {
  type Audited,
  type Auditor,
  type Change,
  noteChange,
  noteInTimelines,
  ofFailure,
} from '../audit.js';
import type { ClientQueues } from '../client-queues.js';
import {
  type PreviewedEvents,
  type RedeliveredEvents,
  type RedeliverOptions,
  redeliverEvents,
} from '../events/redeliver-events.js';
import { type BulkOptions, type BulkProgress, isChanged, runBulk } from './run-bulk.js';
import { type BulkAction, type BulkSelection, checkSelection } from './selection.js';

/** An action on many as the audit log knows it. */
export interface AuditedRun {
  /** What its records have in common, and that of its abort: the same may be asked for twice at once. Default: a new one. */
  run?: string | undefined;
}

const RUN_ID_BYTES = 9;

export function newRunId(): string {
  return randomBytes(RUN_ID_BYTES).toString('base64url');
}

/** As {@link runBulk}. */
export async function* auditedBulk(
  queues: ClientQueues,
  auditor: Auditor,
  action: BulkAction,
  selection: BulkSelection,
  { run, ...options }: BulkOptions & AuditedRun = {},
): AsyncGenerator<BulkProgress, void, undefined> {
  const { signal } = options;
  const reason = readReason('the reason', options.reason);
  const change = { action, reason };
  // What is refused has not begun.
  const checked = checkSelection(action, selection);
  const steps = runBulk(queues, auditor.actor, action, selection, options);
  const named = 'references' in checked ? checked.references : null;
  if (named?.length === 1) {
    yield* auditedOne(queues, auditor, { ...change, reference: named[0] }, steps, signal);
    return;
  }
  const whole = named
    ? { ...change, count: named.length }
    : { ...change, filter: filterInWords(selection) };
  const describe = (latest?: BulkProgress) => ({ count: latest?.changed ?? 0 });
  for await (const step of auditedSteps(queues, auditor, whole, steps, { run, signal, describe })) {
    if (named) await noteEach(queues, auditor, change, step);
    else await noteInTimelines(queues, auditor, change, step.batches.filter(isChanged));
    yield step;
  }
}

/** As {@link redeliverEvents}. */
export function auditedRedelivery(
  queues: ClientQueues,
  auditor: Auditor,
  {
    reason,
    run,
    ...options
  }: RedeliverOptions & PreviewedEvents & AuditedRun & { reason?: string | undefined },
): AsyncGenerator<RedeliveredEvents, void, undefined> {
  const steps = redeliverEvents(queues, options);
  if (options.dryRun) return steps;
  const { since, givenUp, signal } = options;
  const filter = filterInWords({ since, givenUp });
  const change = { action: 'redeliver', filter, reason } as const;
  const describe = (latest?: RedeliveredEvents) => ({
    count: latest?.events ?? 0,
    details: { gone: latest?.gone ?? 0 },
  });
  return auditedSteps(queues, auditor, change, steps, { run, signal, describe });
}

/** @param describe What came of it, by the last step. */
async function* auditedSteps<T>(
  queues: ClientQueues,
  auditor: Auditor,
  change: Change,
  steps: AsyncIterable<T>,
  {
    run = newRunId(),
    signal,
    describe,
  }: AuditedRun & {
    signal: AbortSignal | undefined;
    describe: (latest?: T) => Pick<Audited, 'count' | 'details'>;
  },
): AsyncGenerator<T, void, undefined> {
  // Nothing is done of which this cannot be written.
  await noteChange(queues, auditor, change, { outcome: 'begun', details: { run } });
  let outcome = 'broken off';
  let hasFailed = false;
  let latest: T | undefined;
  try {
    for await (latest of steps) yield latest;
    outcome = change.action === 'redeliver' ? 'queued' : 'done';
  } catch (error) {
    outcome = outcomeOf(error, signal);
    hasFailed = true;
    throw error;
  } finally {
    const described = describe(latest);
    const came = { outcome, ...described, details: { run, ...described.details } };
    const written = noteChange(queues, auditor, change, came);
    await (hasFailed ? ofFailure(written) : written);
  }
}

/** One that is named has one record, as when it is changed by itself: of what became of it, or of the error. */
async function* auditedOne(
  queues: ClientQueues,
  auditor: Auditor,
  change: Change,
  steps: AsyncIterable<BulkProgress>,
  signal: AbortSignal | undefined,
): AsyncGenerator<BulkProgress, void, undefined> {
  try {
    for await (const step of steps) {
      await noteEach(queues, auditor, change, step);
      yield step;
    }
  } catch (error) {
    await ofFailure(noteChange(queues, auditor, change, { outcome: outcomeOf(error, signal) }));
    throw error;
  }
}

function outcomeOf(error: unknown, signal: AbortSignal | undefined): string {
  return signal?.aborted ? 'broken off' : `error ${errorName(error)}`;
}

async function noteEach(
  queues: ClientQueues,
  auditor: Auditor,
  change: Change,
  { batches }: BulkProgress,
): Promise<void> {
  for (const { reference, status: outcome } of batches)
    await noteChange(queues, auditor, { ...change, reference }, { outcome });
}

function filterInWords(filter: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(filter).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value instanceof Date ? value.toISOString() : `${value}`]],
    ),
  );
}
