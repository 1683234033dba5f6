/** What a dry run shows: batches, their documents and repetitions, no more than a person reads. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { BatchRequest } from '../../jobs/request/request.js';
import { escapeControls } from '../../jobs/request/validation-issues.js';
import { countText, plural } from '../../plural.js';
import { firstOf } from './first-of.js';
import { formatTable } from './table.js';

const BATCHES_SHOWN = 20;
const DOCUMENTS_SHOWN = 10;
const FOR_ALL = '--json shows all';

/** What a submit would do with each batch of a list. */
export interface Plan {
  /** The first of each reference. */
  sent: BatchRequest[];
  /** Others of a reference: the same batch once more, or another one, compared as a submit compares them. */
  repeated: Repetition[];
  conflicting: Repetition[];
}

interface Repetition {
  /** Its place in the list. */
  index: number;
  reference: string;
}

export function planOf(requests: readonly BatchRequest[]): Plan {
  const first = new Map<string, BatchRequest>();
  const plan: Plan = { sent: [], repeated: [], conflicting: [] };
  for (const [index, request] of requests.entries()) {
    const { reference } = request;
    const known = first.get(reference);
    if (known === undefined) {
      first.set(reference, request);
      plan.sent.push(request);
    } else {
      const isSame = isDeepStrictEqual(known, request);
      (isSame ? plan.repeated : plan.conflicting).push({ index, reference });
    }
  }
  return plan;
}

/** Those that a submit would not add, since their reference came before. */
export function describeRepetitions({ repeated, conflicting }: Plan): string[] {
  const more = (left: number) => [`… and ${countText(left)} more`];
  return [
    ...firstOf(
      repeated,
      BATCHES_SHOWN,
      ({ index, reference }) => [
        `batches[${index}]: the same batch as ${reference} before it; it would be known already`,
      ],
      more,
    ),
    ...firstOf(
      conflicting,
      BATCHES_SHOWN,
      ({ index, reference }) => [
        `batches[${index}]: another batch before it has the reference ${reference}; it would not be added`,
      ],
      more,
    ),
  ];
}

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
    ...(left > 0 ? [`  … ${countText(left)} more; ${FOR_ALL}`] : []),
  ];
}
