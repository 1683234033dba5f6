/** The page object of `extracts`, composed as text so that every extract keeps its raw form. */
import type { Fault } from '../exchange.js';
import type { AtlasBatch, AtlasBatches, ListedExtract } from './atlas-batches.js';
import { extractText } from './extract-text.js';

export interface PageRequest {
  batch: AtlasBatch;
  /** Counted from 1. */
  page: number;
  /** What the first page is called. */
  saidFirstPage: 0 | 1;
  perPage: number;
  /** In milliseconds of `performance.now()`. */
  now: number;
  /** False leaves `total_items` out. */
  totalItems: boolean;
  fault?: Fault | undefined;
}

/** One page of what is visible now. Beyond the end its data is empty; or there is no page at all. */
export function pageText(batches: AtlasBatches, asked: PageRequest): string | undefined {
  const { batch, fault } = asked;
  const kind = fault?.fault;
  const isShort = kind === 'short-pages';
  const perPage = isShort ? Math.min(asked.perPage, fault?.count ?? SHORT_PAGE) : asked.perPage;
  const list = kind === 'empty-page' ? [] : batches.visible(batch.batchId, asked.now);
  const foreign = kind === 'foreign-ids' ? (fault?.count ?? 1) : 0;
  const total = list.length + foreign;
  const pages = Math.max(1, Math.ceil(total / perPage));
  if (kind === 'one-page-more' && asked.page > pages) return undefined;
  const page = pageGiven(kind, asked.page, pages);
  const shown = kind === 'endless' ? ((page - 1) % pages) + 1 : page;
  const start = (shown - 1) * perPage;
  const end = Math.min(start + perPage, total);
  const first = kind === 'repeat-page' && start > 0 && start < total ? start - 1 : start;
  const data: string[] = [];
  for (let position = first; position < end; position += 1) {
    const listed = list[position];
    const chosen = data.length < (fault?.count ?? 1) ? fault : undefined;
    data.push(
      listed === undefined
        ? foreignItem(position - list.length)
        : item(
            batch.documentIds[listed.document] ?? '',
            batches.text(batch, listed),
            kind && FAULTS_OF_ALL_ITEMS.has(kind) ? fault : chosen,
          ),
    );
  }
  const endless = kind !== undefined && ENDLESS.has(kind);
  const cutShort = kind === 'has-next-false' && hidesDocument(list, end);
  const hasNext = endless || (page < pages && !cutShort);
  const totalPages = endless ? page + 1 : cutShort ? page : pages;
  const wrongBy = WRONG_TOTALS[kind ?? ''] ?? 0;
  const paging = {
    page: page - 1 + asked.saidFirstPage,
    per_page: perPage,
    total_pages: totalPages,
    ...(asked.totalItems && { total_items: Math.max(0, total + wrongBy * (fault?.count ?? 1)) }),
    has_next: hasNext,
    has_prev: page > 1,
  };
  const said = Object.entries(paging).filter(([name]) => !isShort || name === 'total_items');
  const members = said.map(([name, value]) => {
    return `"${name}":${kind === 'text-totals' ? `"${value}"` : value}`;
  });
  const isObject = kind === 'object-for-list' && data.length < 2;
  const items = isObject ? (data[0] ?? '{}') : `[${data.join(',')}]`;
  return `{${[`"data":${items}`, ...members].join(',')}}`;
}

function pageGiven(kind: Fault['fault'] | undefined, asked: number, pages: number): number {
  if (kind === 'last-page-again') return Math.min(asked, pages);
  return kind === 'wrong-page' ? asked + 1 : asked;
}

/** Whether whole documents stand beyond this position: a reader that stops here misses them. */
function hidesDocument(list: readonly ListedExtract[], end: number): boolean {
  const last = list.at(-1);
  return end > 0 && end < list.length && last?.document !== list[end - 1]?.document;
}

/** Every page says that another one follows. */
const ENDLESS: ReadonlySet<string | number> = new Set([
  'endless',
  'one-page-more',
  'last-page-again',
]);
const FAULTS_OF_ALL_ITEMS: ReadonlySet<string | number> = new Set([
  'number-ids',
  'padded-ids',
  'changed-ids',
  'huge-extracts',
]);
const WRONG_TOTALS: Readonly<Record<string, number>> = { 'total-too-high': 1, 'total-too-low': -1 };
/** Characters of an id that is filled up with blanks. */
const PADDED_LENGTH = 140;
/** Extracts on a page that is shorter than asked for. */
const SHORT_PAGE = 2;
const DEFAULT_EXTRACT_BYTES = 1024 * 1024;

/** Without `fileData` it is a document that nobody can read. */
function item(documentId: string, fileData: string | undefined, fault?: Fault): string {
  const start = (id: string) => `{"document_id":${id},"file_data":`;
  const id = JSON.stringify(documentId);
  if (fileData === undefined) return `{"document_id":${id}}`;
  switch (fault?.fault) {
    case 'no-file-data':
      return `{"document_id":${id}}`;
    case 'null-file-data':
      return `${start(id)}null}`;
    case 'empty-file-data':
      return `${start(id)}${fault.empty ?? '{}'}}`;
    case 'not-a-number':
      return `${start(id)}{"quality":NaN,${fileData.slice(1)}}`;
    case 'blank-ids':
      return `${start('" "')}${fileData}}`;
    case 'number-ids':
      return `${start(numberOf(documentId) ?? id)}${fileData}}`;
    case 'padded-ids':
      return `${start(JSON.stringify(documentId.padEnd(PADDED_LENGTH)))}${fileData}}`;
    case 'changed-ids':
      return `${start(JSON.stringify(changedId(documentId)))}${fileData}}`;
    case 'huge-extracts': {
      const scan = 'x'.repeat(fault.bytes ?? DEFAULT_EXTRACT_BYTES);
      return `${start(id)}{"scan":"${scan}",${fileData.slice(1)}}`;
    }
    default:
      return `${start(id)}${fileData}}`;
  }
}

/** An id of digits as a number, which has no zeros before it. */
function numberOf(documentId: string): string | undefined {
  return /^0*(\d+)$/.exec(documentId)?.[1];
}

/** Its letters in the other case, and a byte order mark before them. */
function changedId(documentId: string): string {
  const swapped = documentId.replaceAll(/\p{L}/gu, (letter) => {
    const capital = letter.toUpperCase();
    return letter === capital ? letter.toLowerCase() : capital;
  });
  return `\ufeff${swapped}`;
}

function foreignItem(number: number): string {
  const documentId = `FOREIGN-${String(number + 1).padStart(6, '0')}`;
  return item(documentId, extractText(0, '', documentId, 0));
}
