import type { System } from './system.js';
import { waitUntil } from './wait-until.js';

/** Resolves when so many batches wait for their polls. */
export async function batchesInFlight(
  { batches }: System,
  count = 1,
  timeoutMs?: number,
): Promise<void> {
  const areThere = async () =>
    (await batches.getJobCounts('waiting-children'))['waiting-children'] === count;
  await waitUntil('batches in flight', areThere, timeoutMs);
}
