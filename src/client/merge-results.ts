/**
 * Merges the results objects of a batch, one per Atlas batch, into the order of the request. A
 * document that was sent again may be in a later object. Each object is opened when its first
 * document is due, so that few are open at once.
 */
import type { ResultDocument } from '../storage/results/result-document.js';

/** A results object that has not been opened yet. */
export interface ResultSource {
  /** Positions in the batch of the documents that were sent with it, ascending. */
  indexes: readonly number[];
  /** Its documents, in the order of the batch. */
  open(): AsyncGenerator<ResultDocument, void, undefined>;
}

/** An open object and the next document in it. */
interface Cursor {
  documents: AsyncGenerator<ResultDocument, void, undefined>;
  next: ResultDocument | undefined;
}

/**
 * @param documentIds of the batch, in its order.
 * @param sources in the order of the uploads; of two that have a document, the earlier wins.
 */
export async function* mergeResults(
  documentIds: readonly string[],
  sources: readonly ResultSource[],
): AsyncGenerator<ResultDocument, void, undefined> {
  const unopened = new Set(sources.filter(({ indexes }) => indexes.length > 0));
  let open: Cursor[] = [];
  try {
    for (const [index, documentId] of documentIds.entries()) {
      for (const source of unopened) {
        if ((source.indexes[0] ?? 0) > index) continue;
        unopened.delete(source);
        open.push(await advance({ documents: source.open(), next: undefined }));
      }
      const holders = open.filter(({ next }) => next?.documentId === documentId);
      const [first] = holders;
      if (first?.next) yield first.next;
      for (const holder of holders) await advance(holder);
      open = open.filter(({ next }) => next !== undefined);
    }
  } finally {
    await Promise.all(open.map(({ documents }) => documents.return()));
  }
}

async function advance(cursor: Cursor): Promise<Cursor> {
  const { value } = await cursor.documents.next();
  cursor.next = value ?? undefined;
  return cursor;
}

/** The same without the request: object after object, each document once. */
export async function* chainResults(
  sources: readonly Pick<ResultSource, 'open'>[],
): AsyncGenerator<ResultDocument, void, undefined> {
  const seen = new Set<string>();
  for (const source of sources) {
    for await (const document of source.open()) {
      if (seen.has(document.documentId)) continue;
      seen.add(document.documentId);
      yield document;
    }
  }
}
