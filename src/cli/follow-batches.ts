/** Shows the progress of batches until all have ended. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchStatus } from '../batches/status/status.js';
import type { AtlasBatchClient } from '../client/atlas-batch-client.js';
import { UnknownReferenceError } from '../errors.js';
import type { BatchSummary } from '../jobs/summary.js';
import { unlessAborted } from '../timeouts.js';
import type { ProgressView } from './output/progress.js';

/** Time between two refreshes of up to {@link BATCHES_PER_REFRESH} batches. */
const REFRESH_MS = 200;
/** More batches than this are refreshed more seldom, so that the load on Redis stays the same. */
const BATCHES_PER_REFRESH = 50;

/**
 * @returns the summaries, in the order of the references.
 * @throws an error named AbortError when the signal comes first.
 */
export async function followBatches(
  client: AtlasBatchClient,
  references: readonly string[],
  view: ProgressView,
  signal?: AbortSignal,
): Promise<BatchSummary[]> {
  const ended = new Map<string, BatchStatus>();
  try {
    for (;;) {
      const statuses = await unlessAborted(
        Promise.all(
          references.map(async (reference) => ended.get(reference) ?? client.status(reference)),
        ),
        signal,
      );
      for (const status of statuses) if (status.summary) ended.set(status.reference, status);
      view.show(statuses);
      if (ended.size === new Set(references).size) {
        return statuses.flatMap(({ summary }) => summary ?? []);
      }
      const running = references.length - ended.size;
      await delay(REFRESH_MS * Math.ceil(running / BATCHES_PER_REFRESH), undefined, { signal });
    }
  } finally {
    view.done();
  }
}

/** Where batches stand, a few at a time. Those that are no longer known are left out. */
export async function readStatuses(
  client: AtlasBatchClient,
  references: readonly string[],
): Promise<Map<string, BatchStatus>> {
  const statuses = new Map<string, BatchStatus>();
  for (let from = 0; from < references.length; from += BATCHES_PER_REFRESH) {
    const some = references.slice(from, from + BATCHES_PER_REFRESH);
    const found = await Promise.all(some.map((reference) => statusIfKnown(client, reference)));
    for (const status of found) if (status) statuses.set(status.reference, status);
  }
  return statuses;
}

async function statusIfKnown(
  client: AtlasBatchClient,
  reference: string,
): Promise<BatchStatus | undefined> {
  return client.status(reference).catch((error) => {
    if (error instanceof UnknownReferenceError) return undefined;
    throw error;
  });
}
