/** Reads the results of an ended batch from S3, document by document, in constant memory. */
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import type { ClientQueues } from '../batches/client-queues.js';
import { decidedSummaryOf, requestOf, stateOf, summaryOfEvent } from '../batches/find-summary.js';
import { checkOptions, checkReference, checkSignal } from '../check-options.js';
import { UnknownReferenceError } from '../errors.js';
import { Proxies, type ProxySettings } from '../http/proxy.js';
import { batchJobId } from '../jobs/ids.js';
import { fromRanges } from '../jobs/index-ranges.js';
import type { BatchRequest } from '../jobs/request/request.js';
import { atlasBatchIdOf, type BatchState, resultOf } from '../jobs/state/batch-state.js';
import type { BatchSummary } from '../jobs/summary.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { ResultDocument } from '../storage/results/result-document.js';
import { readResultDocuments } from '../storage/results/result-reader.js';
import { parseResultUri, resultUri } from '../storage/results/results-key.js';
import { unlessAborted } from '../timeouts.js';
import { BatchRunningError, ResultsGoneError } from './client-errors.js';
import { type DocumentResult, toDocumentResult } from './extract.js';
import { chainResults, mergeResults, type ResultSource } from './merge-results.js';

/** How to read results. */
export interface ResultsOptions {
  /** Ends the reading, also in the middle of an object; its reason is thrown. */
  signal?: AbortSignal | undefined;
}

/** Objects of one batch are read one or two at a time; several batches may be read at once. */
const CONNECTIONS = 16;
/** Required by the store; nothing is pre-signed here. */
const PRESIGN_SECONDS = 60;

export function createResultReader(
  queues: ClientQueues,
  { s3 = {}, proxy }: { s3?: S3ClientConfig | undefined; proxy?: ProxySettings | undefined },
) {
  const proxies = proxy && new Proxies(proxy);
  const stores = new Map<string, ObjectStore>();

  async function storeOf(bucket: string): Promise<ObjectStore> {
    // Loaded here, so that an app that reads no results does not load the AWS SDK.
    const { createObjectStore } = await import('../storage/object-store.js');
    const known = stores.get(bucket);
    if (known) return known;
    const store = createObjectStore({
      resultsBucket: bucket,
      presignExpiresSeconds: PRESIGN_SECONDS,
      forcePathStyle: false,
      connections: CONNECTIONS,
      logger: { warn: () => {} },
      clientConfig: s3,
      proxies,
    });
    stores.set(bucket, store);
    return store;
  }

  async function* open(
    uri: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ResultDocument, void, undefined> {
    const { bucket, key } = parseResultUri(uri);
    const stream = await (await storeOf(bucket)).getResult(key, signal);
    if (stream === null) throw new ResultsGoneError(uri);
    yield* readResultDocuments(stream);
  }

  return {
    /**
     * All documents that have extracts, in the order of the request.
     * @throws UnknownReferenceError; BatchRunningError; ResultsGoneError; TransientError `STORAGE`; the signal's reason.
     */
    async *read(
      reference: string,
      options: ResultsOptions = {},
    ): AsyncGenerator<DocumentResult, void, undefined> {
      checkReference('results', reference);
      checkOptions('results', options, ['signal']);
      checkSignal(options.signal);
      const { signal } = options;
      const search = queues.link.run(() => findDecidedBatch(queues, reference));
      const found = await unlessAborted(search, signal);
      for await (const document of documentsOf(found, (uri) => open(uri, signal))) {
        // Documents may have arrived before the abort.
        signal?.throwIfAborted();
        yield toDocumentResult(document.documentId, document.extracts);
      }
    },
    close() {
      for (const store of stores.values()) store.close();
    },
  };
}

interface DecidedBatch {
  summary: BatchSummary;
  /** Null when the job is no longer kept, and when it has none. */
  request: BatchRequest | null;
  state: BatchState | null;
}

async function findDecidedBatch(queues: ClientQueues, reference: string): Promise<DecidedBatch> {
  const job = await queues.batches.getJob(batchJobId(reference));
  if (!job) {
    const summary = await summaryOfEvent(queues, reference);
    if (!summary) throw new UnknownReferenceError(reference);
    return { summary, request: null, state: null };
  }
  const summary = decidedSummaryOf(job, reference);
  if (!summary) throw new BatchRunningError(reference);
  return { summary, request: requestOf(job, reference), state: stateOf(job) };
}

type OpenResult = (uri: string) => ReturnType<ResultSource['open']>;

function documentsOf(
  { summary, request, state }: DecidedBatch,
  open: OpenResult,
): AsyncGenerator<ResultDocument, void, undefined> {
  if (!request || !state) {
    return chainResults(summary.results.map((uri) => ({ open: () => open(uri) })));
  }
  const documentIds = request.documents.map(({ documentId }) => documentId);
  return mergeResults(documentIds, sourcesOf(summary, state, open));
}

/** One source per results object. Two uploads may share an Atlas batch, and so an object. */
function sourcesOf(summary: BatchSummary, state: BatchState, open: OpenResult): ResultSource[] {
  const root = state.outcome?.resultsRoot ?? '';
  const reference = summary.reference ?? '';
  return summary.results.map((uri) => {
    const uploads = state.uploads.filter((upload) => {
      const atlasBatchId = atlasBatchIdOf(upload);
      if (atlasBatchId === null) return false;
      return resultUri(resultOf(upload)?.root ?? root, reference, atlasBatchId) === uri;
    });
    const indexes = uploads.flatMap(({ documentIndexes }) => fromRanges(documentIndexes));
    return { indexes: indexes.sort((a, b) => a - b), open: () => open(uri) };
  });
}
