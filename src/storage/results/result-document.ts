/**
 * The JSON of a results object. For others it is plain JSON. For us it is lines, one per extract,
 * so that we can read it in constant memory and without parsing an extract:
 *
 *     {"reference":"loan-8841","batchId":"BATCH-1","productType":"LOAN_APP","documents":[
 *     {"documentId":"001","extracts":[
 *     {"document_type":"PAN"}
 *     ]},
 *     {"documentId":"002","extracts":[
 *     {"document_type":"AADHAAR"},
 *     {"document_type":"AADHAAR"}
 *     ]}
 *     ],"missing":["003"],"unexpected":[
 *     ],"unreadable":[{"documentId":"003","reason":"its file_data is null"}]}
 */

/** All extracts of one document; each `file_data` as raw JSON text. */
export interface ResultDocument {
  documentId: string;
  extracts: readonly string[];
}

export interface ResultContent {
  reference: string;
  batchId: string;
  productType: string;
  /** In the order of the job. */
  documents: readonly ResultDocument[];
  /** The callers' ids of documents without an extract. */
  missing: readonly string[];
  /** Extracts whose id was never sent. */
  unexpected: readonly ResultDocument[];
  /** Items that nobody can read, and extracts of which a part was lost. */
  unreadable: readonly UnreadableEntry[];
}

/** An item of Atlas's list that is wrong; `documentId` is null where nobody can read it. */
export interface UnreadableEntry {
  documentId: string | null;
  reason: string;
}

/** Ends the first line, and the header's object. */
export const DOCUMENTS_OPEN = ',"documents":[';
/** Ends the first line of a document. */
export const EXTRACTS_OPEN = ',"extracts":[';
/** Ends a document. A comma follows it before a document. */
export const CLOSE = ']}';
/** Begins the line between documents and unexpected ones. */
export const MISSING_OPEN = '],"missing":';
/** Ends that line. */
export const UNEXPECTED_OPEN = ',"unexpected":[';
/** Begins the last line, which a brace ends. */
export const UNREADABLE_OPEN = '],"unreadable":';

/** Extracts are written as they came, except that line breaks between tokens become spaces. */
export function* renderResult(content: ResultContent): Generator<string, void, undefined> {
  const { reference, batchId, productType, documents, missing, unexpected, unreadable } = content;
  const header = JSON.stringify({ reference, batchId, productType });
  yield `${header.slice(0, -1)}${DOCUMENTS_OPEN}\n`;
  yield* renderDocuments(documents);
  yield `${MISSING_OPEN}${JSON.stringify(missing)}${UNEXPECTED_OPEN}\n`;
  yield* renderDocuments(unexpected);
  yield `${UNREADABLE_OPEN}${JSON.stringify(unreadable)}}\n`;
}

function* renderDocuments(documents: readonly ResultDocument[]): Generator<string> {
  for (const [index, { documentId, extracts }] of documents.entries()) {
    yield `{"documentId":${JSON.stringify(documentId)}${EXTRACTS_OPEN}\n`;
    for (const [n, extract] of extracts.entries()) {
      // JSON has line breaks only between tokens: in strings they are escaped.
      yield extract.includes('\n') ? extract.replaceAll('\n', ' ') : extract;
      yield n < extracts.length - 1 ? ',\n' : '\n';
    }
    yield index < documents.length - 1 ? `${CLOSE},\n` : `${CLOSE}\n`;
  }
}
