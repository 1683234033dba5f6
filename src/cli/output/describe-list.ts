/** Describes lists of batches in text. Pure. */
import type { BatchSort } from '../../batches/lists/batch-sets.js';
import type { BatchCounts, ValueCount } from '../../batches/lists/count-batches.js';
import type { BatchList, ListedBatch } from '../../batches/lists/list-batches.js';
import { duration } from '../../duration.js';
import { describeReason } from '../../errors.js';
import { escapeControls } from '../../jobs/request/validation-issues.js';
import { countText, plural } from '../../plural.js';
import { type Cut, cutEnd, cutMiddle, fitTable, formatTable } from './table.js';

const HEAD = ['REFERENCE', 'STATE', 'PRODUCT', 'TENANT', 'DOCUMENTS', 'AGE', 'WHY'];
/** Longer reasons are cut: status tells them. */
const REASON_LENGTH = 80;

const columnOf = (title: string) => HEAD.indexOf(title);
/**
 * Reasons are cut first, for status tells them, but not within the code; references and codes are kept longest. A
 * name that is cut to less than this says nothing, and is left out.
 */
const CUTS: readonly Cut[] = [
  { column: columnOf('WHY'), least: 18, cut: cutEnd },
  { column: columnOf('PRODUCT'), least: 12, cut: cutMiddle },
  { column: columnOf('TENANT'), least: 12, cut: cutMiddle },
  { column: columnOf('REFERENCE'), least: 24, cut: cutMiddle },
  // On terminals of fewer than 80 columns.
  { column: columnOf('WHY'), least: 8, cut: cutEnd },
  { column: columnOf('REFERENCE'), least: 12, cut: cutMiddle },
];
const LEFT_OUT = [columnOf('TENANT'), columnOf('PRODUCT')];

/**
 * A table, a line a batch; nothing for no batches.
 * @param options.sort By nearest deadline that stands in the place of the age.
 * @param options.columns Of the terminal, which no line is wider than.
 */
export function describeList(
  batches: readonly ListedBatch[],
  now: number,
  { sort, columns = Number.POSITIVE_INFINITY }: { sort?: BatchSort; columns?: number } = {},
): string[] {
  if (batches.length === 0) return [];
  const byDeadline = sort === 'deadline';
  const head = HEAD.map((title) => (byDeadline && title === 'AGE' ? 'DEADLINE' : title));
  const rows = batches.map((batch) => {
    const { reference, jobId, state, productType, tenant, documents, addedAt, endedAt } = batch;
    const age = duration(now - Date.parse(endedAt ?? addedAt));
    const time = byDeadline ? (batch.deadline?.at ?? '–') : age;
    const count = `${countText(documents.present)}/${countText(documents.total)}`;
    const cells = [reference ?? jobId, state, productType ?? '–', tenant ?? '–', count, time];
    return [...cells, describeWhy(batch)].map(escapeControls);
  });
  const fit = { columns, cuts: CUTS, leftOut: LEFT_OUT };
  return fitTable([head, ...rows], [columnOf('DOCUMENTS')], fit);
}

function describeWhy({ reason, lastError, line }: ListedBatch): string {
  if (line)
    return `place ${countText(line.place)} of ${countText(line.uploads)} in line: ${line.why}`;
  const why = reason ?? lastError;
  if (why === null) return '';
  return cutEnd(describeReason(why).replace(/\s+/g, ' '), REASON_LENGTH);
}

/** `25 batches shown, there are more; searched 25 of 1,204` */
export function describeSearched(
  { next, searched, total }: BatchList,
  { shown, sort }: { shown: number; sort: BatchSort },
): string {
  const more = next === null ? '' : ', there may be more';
  const of =
    sort === 'deadline'
      ? ' whose deadline runs: none that waits for a worker or in line, or has ended'
      : '';
  return `${plural(shown, 'batch', 'batches')}${more}; searched ${countText(searched)} of ${countText(total)}${of}`;
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
  const rows = LABELS.filter(([dimension]) => counts[dimension].length > 0).map(
    ([dimension, label]) => [label, describeValues(counts[dimension])],
  );
  return [
    `${plural(matching, 'batch', 'batches')}; searched ${countText(searched)} of ${countText(total)}`,
    ...formatTable(rows),
  ];
}

function describeValues(values: readonly ValueCount[]): string {
  const shown = values
    .slice(0, VALUES_SHOWN)
    .map(({ value, count }) => `${value === '' ? '–' : value} ${countText(count)}`);
  const left = values.length - shown.length;
  return escapeControls(
    [...shown, ...(left > 0 ? [`… and ${countText(left)} more; --json shows all`] : [])].join(
      ' · ',
    ),
  );
}
