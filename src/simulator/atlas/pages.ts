/** The page object of `extracts`, composed as text so that every extract keeps its raw form. */
import type { Fault } from '../exchange.js';
import type { AtlasBatch, AtlasBatches, ListedExtract } from './atlas-batches.js';
import { extractText } from './extract-text.js';

export interface PageRequest {
  batch: AtlasBatch;
  page: number;
  perPage: number;
  /** In milliseconds of `performance.now()`. */
  now: number;
  /** False leaves `total_items` out. */
  totalItems: boolean;
  fault?: Fault | undefined;
}

/** One page of what is visible now; the data of a page beyond the end is empty. */
export function pageText(batches: AtlasBatches, asked: PageRequest): string {
  const { batch, perPage, fault } = asked;
  const kind = fault?.fault;
  const list = kind === 'empty-page' ? [] : batches.visible(batch.batchId, asked.now);
  const foreign = kind === 'foreign-ids' ? (fault?.count ?? 1) : 0;
  const total = list.length + foreign;
  const pages = Math.max(1, Math.ceil(total / perPage));
  const page = kind === 'wrong-page' ? asked.page + 1 : asked.page;
  const shown = kind === 'endless' ? ((page - 1) % pages) + 1 : page;
  const start = (shown - 1) * perPage;
  const end = Math.min(start + perPage, total);
  const first = kind === 'repeat-page' && start > 0 && start < total ? start - 1 : start;
  const data: string[] = [];
  for (let position = first; position < end; position += 1) {
    const listed = list[position];
    data.push(
      listed === undefined
        ? foreignItem(position - list.length)
        : item(batch.documentIds[listed.document] ?? '', batches.text(batch, listed)),
    );
  }
  const endless = kind === 'endless';
  const cutShort = kind === 'has-next-false' && hidesDocument(list, end);
  const hasNext = endless || (page < pages && !cutShort);
  const totalPages = endless ? page + 1 : cutShort ? page : pages;
  const totalItems = asked.totalItems ? `"total_items":${total},` : '';
  return (
    `{"data":[${data.join(',')}],"page":${page},"per_page":${perPage},` +
    `"total_pages":${totalPages},${totalItems}"has_next":${hasNext},"has_prev":${page > 1}}`
  );
}

/** Whether whole documents stand beyond this position: a reader that stops here misses them. */
function hidesDocument(list: readonly ListedExtract[], end: number): boolean {
  const last = list.at(-1);
  return end > 0 && end < list.length && last?.document !== list[end - 1]?.document;
}

function item(documentId: string, fileData: string): string {
  return `{"document_id":${JSON.stringify(documentId)},"file_data":${fileData}}`;
}

function foreignItem(number: number): string {
  const documentId = `FOREIGN-${String(number + 1).padStart(6, '0')}`;
  return item(documentId, extractText(0, '', documentId, 0));
}
