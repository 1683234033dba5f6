/** Shows the progress of batches until all have ended. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchStatus } from '../batches/status.js';
import type { AtlasBatchClient } from '../client/client.js';
import type { BatchSummary } from '../jobs/summary.js';
import type { ProgressView } from './output/progress.js';

/** Time between two refreshes of up to {@link BATCHES_PER_REFRESH} batches. */
const REFRESH_MS = 200;
/** More batches than this are refreshed more seldom, so that the load on Redis stays the same. */
const BATCHES_PER_REFRESH = 50;

/** @returns the summaries, in the order of the references. */
export async function followBatches(
  client: AtlasBatchClient,
  references: readonly string[],
  view: ProgressView,
  signal?: AbortSignal,
): Promise<BatchSummary[]> {
  const ended = new Map<string, BatchStatus>();
  try {
    for (;;) {
      const statuses = await Promise.all(
        references.map(async (reference) => ended.get(reference) ?? client.status(reference)),
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
