/** Extracts of one Atlas batch -> one object in S3. */
import type { Reconciliation } from '../../extracts/reconcile.js';
import type { PollData } from '../../jobs/poll-state.js';
import { renderResult } from '../../storage/result-document.js';
import { resultKey } from '../../storage/results-key.js';
import type { WorkerContext } from '../context.js';

/** Writes the results object; writing it again replaces it by the same. */
export async function storeResult(
  { store, config }: WorkerContext,
  data: PollData,
  found: Reconciliation,
  signal: AbortSignal,
): Promise<void> {
  const { reference, atlasBatchId, productType, documentIds } = data;
  const content = {
    reference,
    batchId: atlasBatchId,
    productType,
    documents: found.documents(),
    missing: found.missing().flatMap((position) => documentIds[position] ?? []),
    unexpected: found.unexpected(),
    unreadable: found.unreadable(),
  };
  const body = { [Symbol.iterator]: () => renderResult(content) };
  await store.putResult(resultKey(config.RESULTS_PREFIX, reference, atlasBatchId), body, signal);
}
