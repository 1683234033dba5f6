/** Describes lists of batches in text. Pure. */
import type { BatchSort } from '../../batches/lists/batch-sets.js';
import type { BatchCounts, ValueCount } from '../../batches/lists/count-batches.js';
import type { BatchList, ListedBatch } from '../../batches/lists/list-batches.js';
import { describeReason } from '../../errors.js';
import { escapeControls } from '../../jobs/request/validation-issues.js';
import { plural } from '../../plural.js';
import { duration } from './describe-batch.js';
import { formatTable } from './table.js';

const HEAD = ['REFERENCE', 'STATE', 'PRODUCT', 'TENANT', 'DOCUMENTS', 'AGE', 'WHY'];
const DOCUMENTS_COLUMN = HEAD.indexOf('DOCUMENTS');
/** Longer reasons are cut: status tells them. */
const REASON_LENGTH = 80;

/** A table, a line a batch; nothing for no batches. */
export function describeList(batches: readonly ListedBatch[], now: number): string[] {
  if (batches.length === 0) return [];
  const rows = batches.map((batch) => {
    const { reference, jobId, state, productType, tenant, documents, addedAt, endedAt } = batch;
    const age = duration(now - Date.parse(endedAt ?? addedAt));
    const count = `${documents.present}/${documents.total}`;
    const cells = [reference ?? jobId, state, productType ?? '–', tenant ?? '–', count, age];
    return [...cells, describeWhy(batch)].map(escapeControls);
  });
  return formatTable([HEAD, ...rows], [DOCUMENTS_COLUMN]);
}

function describeWhy({ reason, lastError, line }: ListedBatch): string {
  if (line) return `place ${line.place} of ${line.uploads} in line: ${line.why}`;
  const why = reason ?? lastError;
  if (why === null) return '';
  const text = describeReason(why).replace(/\s+/g, ' ');
  return text.length > REASON_LENGTH ? `${text.slice(0, REASON_LENGTH - 1)}…` : text;
}

/** `25 batches shown, there are more; searched 25 of 1,204` */
export function describeSearched(
  { next, searched, total }: BatchList,
  { shown, sort }: { shown: number; sort: BatchSort },
): string {
  const more = next === null ? '' : ', there may be more';
  const count = (number: number) => number.toLocaleString('en');
  const of =
    sort === 'deadline'
      ? ' whose deadline runs: none that waits for a worker or in line, or has ended'
      : '';
  return `${plural(shown, 'batch', 'batches')}${more}; searched ${count(searched)} of ${count(total)}${of}`;
}

const LABELS = [
  ['state', 'state'],
  ['code', 'code'],
  ['productType', 'product'],
  ['tenant', 'tenant'],
  ['priority', 'priority'],
] as const;
/** Values of one kind that are shown; the most frequent first. */
const VALUES_SHOWN = 20;

/** `code      ATLAS_AUTH 2,000 · INCOMPLETE 12` */
export function describeCounts(counts: BatchCounts): string[] {
  const { matching, searched, total } = counts;
  const count = (number: number) => number.toLocaleString('en');
  const rows = LABELS.filter(([dimension]) => counts[dimension].length > 0).map(
    ([dimension, label]) => [label, describeValues(counts[dimension])],
  );
  return [
    `${plural(matching, 'batch', 'batches')}; searched ${count(searched)} of ${count(total)}`,
    ...formatTable(rows),
  ];
}

function describeValues(values: readonly ValueCount[]): string {
  const shown = values
    .slice(0, VALUES_SHOWN)
    .map(({ value, count }) => `${value === '' ? '–' : value} ${count.toLocaleString('en')}`);
  const left = values.length - shown.length;
  return escapeControls([...shown, ...(left > 0 ? [`${left} more`] : [])].join(' · '));
}
