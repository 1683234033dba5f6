/** What a dry run shows: batches and their documents, no more than a person reads. Pure. */
import type { BatchRequest } from '../../jobs/request/request.js';
import { escapeControls } from '../../jobs/request/validation-issues.js';
import { plural } from '../../plural.js';
import { firstOf } from './first-of.js';
import { formatTable } from './table.js';

const BATCHES_SHOWN = 20;
const DOCUMENTS_SHOWN = 10;
const FOR_ALL = '--json shows all';

export function describePlan(requests: readonly BatchRequest[]): string[] {
  const lines = firstOf(requests, BATCHES_SHOWN, describeBatch, (left) => [
    `… ${plural(left, 'more batch', 'more batches')}; ${FOR_ALL}`,
  ]);
  return [...lines, `${plural(requests.length, 'batch', 'batches')} would be sent`];
}

function describeBatch({ reference, productType, documents }: BatchRequest): string[] {
  const rows = documents
    .slice(0, DOCUMENTS_SHOWN)
    .map(({ documentId, bucket, key }) => [
      `  ${documentId}`,
      escapeControls(`s3://${bucket}/${key}`),
    ]);
  const left = documents.length - rows.length;
  return [
    `${reference}  ${productType}  ${plural(documents.length, 'document')}`,
    ...formatTable(rows),
    ...(left > 0 ? [`  … ${left} more; ${FOR_ALL}`] : []),
  ];
}
