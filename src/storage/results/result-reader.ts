/** Reads results objects, line by line. `result-document.ts` has their form. */
import { TransientError } from '../../errors.js';
import { isObject, parseJson } from '../../json.js';
import {
  CLOSE,
  DOCUMENTS_OPEN,
  EXTRACTS_OPEN,
  MISSING_OPEN,
  type ResultDocument,
  UNEXPECTED_OPEN,
  UNREADABLE_OPEN,
} from './result-document.js';

/** What a results object holds, in the order in which it is read. */
export type ResultEntry =
  | { type: 'header'; reference: string; batchId: string; productType: string }
  | ({ type: 'document' } & ResultDocument)
  | { type: 'missing'; documentIds: string[] }
  | ({ type: 'unexpected' } & ResultDocument)
  | { type: 'unreadable'; items: unknown[] };

/**
 * All of a results object, one document at a time.
 * @throws TransientError `STORAGE` when it is cut short, or not as {@link renderResult} writes it
 */
export async function* readResult(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<ResultEntry, void, undefined> {
  let expect: 'header' | 'document' | 'unexpected' | 'nothing' = 'header';
  let open: { documentId: string; extracts: string[] } | null = null;
  for await (const line of splitLines(stream)) {
    if (expect === 'nothing') throw unexpectedForm();
    if (expect === 'header') {
      yield readHeader(line);
      expect = 'document';
    } else if (open !== null) {
      if (line === CLOSE || line === `${CLOSE},`) {
        yield { type: expect, ...open };
        open = null;
      } else {
        open.extracts.push(line.endsWith(',') ? line.slice(0, -1) : line);
      }
    } else if (line.endsWith(EXTRACTS_OPEN)) {
      open = { documentId: readDocumentId(line), extracts: [] };
    } else if (expect === 'document' && line.startsWith(MISSING_OPEN)) {
      yield {
        type: 'missing',
        documentIds: readList(line, MISSING_OPEN, UNEXPECTED_OPEN).map(String),
      };
      expect = 'unexpected';
    } else if (expect === 'unexpected' && line.startsWith(UNREADABLE_OPEN)) {
      yield { type: 'unreadable', items: readList(line, UNREADABLE_OPEN, '}') };
      expect = 'nothing';
    } else {
      throw unexpectedForm();
    }
  }
  if (expect !== 'nothing') throw new TransientError('STORAGE', 'a results object is cut short');
}

/** The documents that have extracts, in the order of the job. */
export async function* readResultDocuments(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<ResultDocument, void, undefined> {
  for await (const entry of readResult(stream)) {
    if (entry.type === 'document') {
      yield { documentId: entry.documentId, extracts: entry.extracts };
    }
  }
}

async function* splitLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  for await (const chunk of stream) {
    const lines = decoder.decode(chunk, { stream: true }).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      pieces.push(line);
      yield pieces.join('');
      pieces = [];
    }
    pieces.push(rest);
  }
  const last = pieces.join('') + decoder.decode();
  if (last !== '') yield last;
}

function readHeader(line: string): ResultEntry {
  if (!line.endsWith(DOCUMENTS_OPEN)) throw unexpectedForm();
  const header = parseJson(`${line.slice(0, -DOCUMENTS_OPEN.length)}}`);
  return {
    type: 'header',
    reference: textOf(header, 'reference'),
    batchId: textOf(header, 'batchId'),
    productType: textOf(header, 'productType'),
  };
}

function readDocumentId(line: string): string {
  return textOf(parseJson(`${line.slice(0, -EXTRACTS_OPEN.length)}}`), 'documentId');
}

function readList(line: string, open: string, close: string): unknown[] {
  const list = line.endsWith(close) && parseJson(line.slice(open.length, -close.length));
  if (!Array.isArray(list)) throw unexpectedForm();
  return list;
}

function textOf(object: unknown, name: string): string {
  const value = isObject(object) ? object[name] : undefined;
  if (typeof value !== 'string') throw unexpectedForm();
  return value;
}

function unexpectedForm(): TransientError {
  return new TransientError(
    'STORAGE',
    'a results object is not in the form that atlas-batch writes',
  );
}
