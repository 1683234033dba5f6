/** The documents of a batch: which of them its page shows, and how. Pure. */
import { MAX_TEXT_LENGTH } from '../../../batches/lists/batch-filter.js';
import { lowerCase } from '../../../batches/lists/search-text.js';
import { UsageError } from '../../../errors.js';
import { comparableId } from '../../../jobs/ids.js';
import { fromRanges } from '../../../jobs/index-ranges.js';
import { type BatchState, resultOf } from '../../../jobs/state/batch-state.js';
import { html, type Markup } from '../../html.js';
import { describeMisspelt } from './list/list-parameters.js';
import { batchPath, pager } from './pieces.js';

/** Documents on one page of their list. */
const DOCUMENTS_PER_PAGE = 50;
/** `awaited`: at Atlas, without an extract yet. `unsent`: not at Atlas. The first that there are is what people seek. */
const STATES = ['missing', 'awaited', 'unsent', 'present'] as const;
export type DocumentState = (typeof STATES)[number];

/** What a page of the list asks for. */
export interface DocumentsQuery {
  /** Null: what people seek. */
  state: DocumentState | 'all' | null;
  /** Part of an id or of an S3 location. */
  text: string;
  page: number;
}

const SHOWN = [...STATES, 'all'] as const;
/** Of the page of a batch, beside what an action that led to it had as its result. */
const PARAMETERS = ['documents', 'find', 'page'];

/** @throws UsageError for what an address says and nobody can do, as lists refuse it. It repeats no value. */
export function readDocumentsQuery(values: Readonly<Record<string, unknown>>): DocumentsQuery {
  const faults = faultsIn(values);
  if (faults.length > 0) throw new UsageError(faults.join(' '));
  const { documents, find, page } = values;
  return {
    state: SHOWN.find((one) => one === documents) ?? null,
    text: typeof find === 'string' ? find.trim().slice(0, MAX_TEXT_LENGTH) : '',
    page: typeof page === 'string' && /^\d+$/.test(page) ? Math.max(1, Number(page)) : 1,
  };
}

function faultsIn(values: Readonly<Record<string, unknown>>): string[] {
  const known = [...PARAMETERS, 'done'];
  const misspelt = Object.keys(values).filter((name) => !known.includes(name));
  const repeated = PARAMETERS.filter((name) => Array.isArray(values[name]));
  const { documents = '' } = values;
  const isState = Array.isArray(documents) || ['', ...SHOWN].some((one) => one === documents);
  return [
    ...describeMisspelt(misspelt, known),
    ...repeated.map((name) => `${name} is given more than once.`),
    ...(isState ? [] : [`documents is one of ${SHOWN.join(', ')}.`]),
  ];
}

interface DocumentLine {
  documentId: string;
  /** `s3://…`, as in the request. */
  location: string;
  state: DocumentState;
}

export interface DocumentsView {
  /** Of one page. */
  lines: DocumentLine[];
  /** How many fit what is asked for. */
  matching: number;
  /** How many the batch has, and of them by state. */
  total: number;
  counts: Record<DocumentState, number>;
  /** As it was asked for, or what people seek. */
  query: DocumentsQuery & { state: DocumentState | 'all' };
}

/** @param documents As in the request, which may be none. @param state Null before anything is saved. */
export function documentsOf(
  documents: readonly unknown[],
  state: BatchState | null,
  query: DocumentsQuery,
): DocumentsView {
  const states = documentStates(documents.length, state);
  const counts = { missing: 0, awaited: 0, unsent: 0, present: 0 };
  for (const one of states) counts[one] += 1;
  const sought = STATES.find((one) => counts[one] > 0) ?? 'all';
  // All of a few are seen at once.
  const shown = query.state ?? (documents.length > DOCUMENTS_PER_PAGE ? sought : 'all');
  const text = comparable(query.text);
  const fitting: DocumentLine[] = [];
  for (const [i, document] of documents.entries()) {
    const state = states[i] ?? 'unsent';
    if (shown !== 'all' && state !== shown) continue;
    const { documentId, bucket, key } = Object(document);
    const line = { documentId: String(documentId), location: `s3://${bucket}/${key}`, state };
    const has = (one: string) => comparable(one).includes(text);
    if (has(line.documentId) || has(line.location)) fitting.push(line);
  }
  // Fewer may fit by now than when a link to this page was made: beyond the last one the last one is shown.
  const page = Math.max(1, Math.min(query.page, Math.ceil(fitting.length / DOCUMENTS_PER_PAGE)));
  const from = (page - 1) * DOCUMENTS_PER_PAGE;
  return {
    ...{ lines: fitting.slice(from, from + DOCUMENTS_PER_PAGE), matching: fitting.length },
    ...{ total: documents.length, counts, query: { ...query, page, state: shown } },
  };
}

/** As the search for batches: neither the case of the letters a to z nor the Unicode form makes a difference. */
function comparable(text: string): string {
  return lowerCase(comparableId(text));
}

/** The state of each document, from the latest upload that holds it. */
function documentStates(total: number, state: BatchState | null): DocumentState[] {
  const states: DocumentState[] = Array.from({ length: total }, () => 'unsent');
  for (const upload of state?.uploads ?? []) {
    const result = resultOf(upload);
    const missing = new Set(fromRanges(result?.missing ?? ''));
    for (const index of fromRanges(upload.documentIndexes)) {
      if (states[index] === 'present') continue;
      if (result && !missing.has(index)) states[index] = 'present';
      else if (upload.state === 'sent') states[index] = 'awaited';
      else if (result) states[index] = 'missing';
    }
  }
  return states;
}

export function documentsCard(reference: string, view: DocumentsView): Markup {
  const { lines, matching, total, query } = view;
  const pages = Math.ceil(matching / DOCUMENTS_PER_PAGE);
  const rows = lines.map(
    ({ documentId, location, state }) => html`<tr>
<td class="ref"><b class="mono">${documentId}</b><small class="mono">${location}</small></td>
<td class="end"><span class="pill ${state}">${state}</span></td>
</tr>`,
  );
  return html`<section class="card" id="documents" aria-label="Documents"><h2>Documents<small>${total.toLocaleString('en')}</small></h2>
${total > DOCUMENTS_PER_PAGE && documentFilter(reference, view)}
${lines.length > 0 ? html`<table><tbody>${rows}</tbody></table>` : total > 0 && html`<p class="empty"><b>Nothing fits</b>No document ${query.state !== 'all' && html`that is ${query.state} `}${query.text === '' ? 'is here' : html`has “${query.text}” in its id or S3 location`}.</p>`}
${pager(query.page, pages, (page) => documentsPath(reference, { ...query, page }), ['Before', 'After'])}</section>`;
}

function documentFilter(reference: string, { counts, total, query }: DocumentsView): Markup {
  const link = (state: DocumentState | 'all', count: number) =>
    html`<a class="value" href="${documentsPath(reference, { ...query, state, page: 1 })}"${state === query.state && html` aria-current="true"`}>${state} <i>${count.toLocaleString('en')}</i></a>`;
  const some = STATES.filter((state) => counts[state] > 0 || state === query.state);
  return html`<div class="filters"><div class="facet" role="group" aria-label="State of documents">${some.map((state) => link(state, counts[state]))}${link('all', total)}</div>
<form class="narrow" action="${batchPath(reference)}#documents"><input type="hidden" name="documents" value="${query.state}"><input type="search" name="find" id="find" value="${query.text}" maxlength="${MAX_TEXT_LENGTH}" autocomplete="off" placeholder="Document id or S3 location" aria-label="Find documents"><button>Find</button></form></div>`;
}

function documentsPath(reference: string, { state, text, page }: DocumentsView['query']): string {
  const parameters = new URLSearchParams({ documents: state });
  if (text !== '') parameters.append('find', text);
  if (page > 1) parameters.append('page', String(page));
  return `${batchPath(reference)}?${parameters}#documents`;
}
