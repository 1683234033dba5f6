/** `GET /batches/{reference}/results`: the extracts, a line per document, in constant memory. */
import type { DocumentResult } from '../../../client/extract.js';
import { resultDocumentSchema } from '../../../jobs/schemas.js';
import { checkVisible } from '../find-tenant.js';
import { operation } from '../operation.js';

export const readResults = operation({
  operationId: 'readResults',
  method: 'GET',
  path: '/batches/{reference}/results',
  action: 'read',
  summary: 'Streams the extracts of an ended batch',
  description:
    'One document per line, in the order of the request. Extracts are as Atlas wrote them: numbers may be longer than a double holds. A response that is cut short has no last chunk: read the batch again; the log of the server says why.',
  responses: {
    200: {
      description: 'Lines of JSON.',
      contentType: 'application/x-ndjson',
      schema: resultDocumentSchema,
    },
  },
  problems: ['UNKNOWN_REFERENCE', 'STILL_RUNNING', 'RESULTS_GONE'],
  async handle({ queues, results }, { caller, reference, signal, holdOpen }) {
    await checkVisible(queues, caller, reference);
    const close = holdOpen('results');
    try {
      const documents = results.read(reference, { signal });
      // What is wrong with the batch, or with S3, shows with the first document: the status says it.
      const first = await documents.next();
      return { status: 200, stream: linesOf(first, documents, close) };
    } catch (error) {
      close();
      throw error;
    }
  },
});

/** Extracts are printed as Atlas wrote them: parsing would round numbers of twenty digits. */
async function* linesOf(
  first: IteratorResult<DocumentResult, void>,
  documents: AsyncGenerator<DocumentResult, void, undefined>,
  close: () => void,
): AsyncGenerator<string> {
  try {
    if (first.done) return;
    yield lineOf(first.value);
    for await (const document of documents) yield lineOf(document);
  } finally {
    close();
    await documents.return();
  }
}

function lineOf({ documentId, raw }: DocumentResult): string {
  return `{"documentId":${JSON.stringify(documentId)},"extracts":[${raw.join(',')}]}\n`;
}
