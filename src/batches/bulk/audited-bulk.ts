/** An action on many batches that is written down: each batch that was named, or once for all that fit. */
import { errorName } from '../../errors.js';
import { type Audited, type Auditor, audited, type Change, noteInTimelines } from '../audit.js';
import type { ClientQueues } from '../client-queues.js';
import {
  type RedeliveredEvents,
  type RedeliverOptions,
  redeliverEvents,
} from '../events/redeliver-events.js';
import { type BulkOptions, type BulkProgress, isChanged, runBulk } from './run-bulk.js';
import type { BulkAction, BulkSelection } from './selection.js';

/** As {@link runBulk}. What became of all is written down at its end, also when it is broken off. */
export async function* auditedBulk(
  queues: ClientQueues,
  auditor: Auditor,
  action: BulkAction,
  selection: BulkSelection,
  options: BulkOptions = {},
): AsyncGenerator<BulkProgress, void, undefined> {
  const { reason, signal } = options;
  const change = { action, reason };
  const steps = runBulk(queues, auditor.actor, action, selection, options);
  if ('references' in selection) {
    for await (const step of steps) {
      await noteEach(queues, auditor, change, step);
      yield step;
    }
    return;
  }
  const whole = { ...change, filter: filterInWords(selection) };
  const describe = (latest?: BulkProgress) => ({ count: latest?.changed ?? 0 });
  for await (const step of auditedSteps(queues, auditor, whole, steps, { signal, describe })) {
    await noteInTimelines(queues, auditor, change, step.batches.filter(isChanged));
    yield step;
  }
}

/** As {@link redeliverEvents}, written down once. */
export function auditedRedelivery(
  queues: ClientQueues,
  auditor: Auditor,
  { reason, ...options }: RedeliverOptions & { reason?: string | undefined },
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
  return auditedSteps(queues, auditor, change, steps, { signal, describe });
}

/** @param describe What came of it, by the last step. */
async function* auditedSteps<T>(
  queues: ClientQueues,
  auditor: Auditor,
  change: Change,
  steps: AsyncIterable<T>,
  {
    signal,
    describe,
  }: {
    signal: AbortSignal | undefined;
    describe: (latest?: T) => Pick<Audited, 'count' | 'details'>;
  },
): AsyncGenerator<T, void, undefined> {
  let outcome = 'broken off';
  let latest: T | undefined;
  try {
    for await (latest of steps) yield latest;
    outcome = change.action === 'redeliver' ? 'queued' : 'done';
  } catch (error) {
    if (!signal?.aborted) outcome = `error ${errorName(error)}`;
    throw error;
  } finally {
    await audited(queues, auditor, change, noted, () => ({ outcome, ...describe(latest) }));
  }
}

async function noteEach(
  queues: ClientQueues,
  auditor: Auditor,
  change: Change,
  { batches }: BulkProgress,
): Promise<void> {
  for (const { reference, status: outcome } of batches)
    await audited(queues, auditor, { ...change, reference }, noted, () => ({ outcome }));
}

/** It was done before it is written down. */
async function noted(): Promise<void> {}

function filterInWords(filter: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(filter).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value instanceof Date ? value.toISOString() : `${value}`]],
    ),
  );
}
