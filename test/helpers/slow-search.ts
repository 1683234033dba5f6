/** A search that takes long, as one over millions of batches does: Redis reads one batch a call, and each call is slow. */
import { onTestFinished, vi } from 'vitest';
import type { ClientQueues } from '../../src/batches/client-queues.js';
import { SCAN } from '../../src/batches/lists/scan-script.js';
import { batchJobId } from '../../src/jobs/ids.js';
import { type PlantedBatch, plant } from './planted-batches.js';

/** As many bytes of requests as one call reads at most. */
const REQUEST_BYTES = 2 * 1024 * 1024;

/** @returns How many calls were made so far. Until the test ends each of them takes so long. */
export async function plantSlowSearch(
  queues: ClientQueues,
  batches: readonly PlantedBatch[],
  callMs: number,
): Promise<() => number> {
  const { batches: queue, link } = queues;
  await plant(queues, batches);
  for (const { reference } of batches)
    await link.redis.hset(queue.toKey(batchJobId(reference)), 'data', 'x'.repeat(REQUEST_BYTES));
  const read = SCAN.run.bind(SCAN);
  const spy = vi.spyOn(SCAN, 'run').mockImplementation(async (...args) => {
    await new Promise((resolve) => {
      setTimeout(resolve, callMs);
    });
    return read(...args);
  });
  onTestFinished(() => spy.mockRestore());
  return () => spy.mock.calls.length;
}
