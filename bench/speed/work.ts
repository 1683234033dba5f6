/** The work of every measure: batches of five small documents. */
import type { BatchRequest } from '../../src/jobs/request/request.js';

export const CREDENTIALS = { accessKeyId: 'bench', secretAccessKey: 'bench-secret' };
export const DOCUMENTS_BUCKET = 'scans';
export const RESULTS_BUCKET = 'results';
export const PRODUCT_TYPE = 'LOAN_APP';
export const MAX_DOCUMENTS = 5;
/**
 * Time from upload to first poll, for every contender. Enough batches are in flight for all that time,
 * so it lowers the throughput only at the end of a run.
 */
export const FIRST_POLL_MS = 1000;

export function documentKey(index: number): string {
  return `loans/2026/11/scan-${index}.jpg`;
}

/** @param idPrefix of the ids of its documents */
export function request(reference: string, idPrefix = ''): BatchRequest {
  return {
    reference,
    productType: PRODUCT_TYPE,
    documents: Array.from({ length: MAX_DOCUMENTS }, (_, i) => ({
      documentId: `${idPrefix}00${i}`,
      bucket: DOCUMENTS_BUCKET,
      key: documentKey(i),
    })),
  };
}
