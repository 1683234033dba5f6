/** Shows the progress of batches until all have ended. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchStatus } from '../batches/status.js';
import type { AtlasBatchClient } from '../client/client.js';
import type { BatchSummary } from '../jobs/summary.js';
import type { ProgressView } from './output/progress.js';

/** Fast enough to look alive, slow enough not to matter to Redis … */
const REFRESH_MS = 200;
/** … for as many batches as this; more are asked for more seldom. */
const BATCHES_A_REFRESH = 50;

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
      await delay(REFRESH_MS * Math.ceil(running / BATCHES_A_REFRESH), undefined, { signal });
    }
  } finally {
    view.done();
  }
}
