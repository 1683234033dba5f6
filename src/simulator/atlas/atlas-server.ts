/** The Atlas stand-in: the documented API, what is not documented as options, faults on demand. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerUnderFault, type Fault, pause, sendCounted, withRetryAfter } from '../exchange.js';
import { FaultEngine } from '../faults.js';
import { type Answer, listen, readBody } from '../http-server.js';
import { DEFAULT_SEED, standIn } from '../stand-in.js';
import { Traffic } from '../traffic.js';
import { type AtlasBatch, AtlasBatches } from './atlas-batches.js';
import {
  type AtlasEndpoint,
  type AtlasFaultKind,
  type AtlasRequestView,
  answerInstead,
  bindToEndpoints,
  KNOWN_ATLAS_FAULTS,
  maim,
  refusal,
} from './atlas-faults.js';
import type { AtlasSimulator, AtlasSimulatorOptions, AtlasUpload } from './atlas-simulator.js';
import { Callbacks } from './callbacks.js';
import {
  askedPage,
  authToken,
  type EndpointContext,
  extracts,
  givenPerPage,
  multiUpload,
  parseUpload,
} from './endpoints.js';
import { RequestLimit } from './request-limit.js';
import { Tokens } from './tokens.js';
import { UrlFetcher } from './url-fetcher.js';

/** 10,000 documents with long URLs are 20 MiB. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const DEFAULT_PER_PAGE = 50;
const ENDPOINTS: ReadonlyMap<string, AtlasEndpoint> = new Map([
  ['POST /v1/docstream/authtoken', 'authtoken'],
  ['POST /v1/docstream/multiupload', 'multiupload'],
  ['GET /v1/docstream/extracts', 'extracts'],
]);

/** Starts an Atlas on a port of this machine. */
export async function startAtlasSimulator(
  options: AtlasSimulatorOptions = {},
): Promise<AtlasSimulator> {
  const seed = options.seed ?? DEFAULT_SEED;
  const maxPerPage = options.maxPerPage ?? DEFAULT_PER_PAGE;
  const firstPage = options.firstPage ?? 1;
  const batches = new AtlasBatches({ ...options, seed });
  const tokens = new Tokens(
    options.tokenTtlMs ?? Number.POSITIVE_INFINITY,
    options.onlyNewestToken ?? false,
  );
  const fetcher = options.fetchUrls === false ? undefined : new UrlFetcher();
  const callbacks = new Callbacks(batches, options.callback, maxPerPage, seed);
  const faults = new FaultEngine<AtlasEndpoint, AtlasFaultKind, AtlasRequestView>(seed);
  const traffic = new Traffic<AtlasEndpoint>();
  const limit = new RequestLimit(options.maxRequestsPerSecond ?? 0);
  let uploads: AtlasUpload[] = [];
  const credentials = {
    clientId: options.clientId ?? 'simulator-client',
    clientSecret: options.clientSecret ?? 'simulator-secret',
  };
  const context: EndpointContext = {
    ...credentials,
    tokens,
    batches,
    fetcher,
    envelope: options.envelope ?? 'top',
    tokenRefusal: options.tokenRefusal ?? 'json',
    totalItems: options.totalItems ?? true,
    firstPage,
    saidFirstPage: options.saidFirstPage ?? firstPage,
    maxPerPage,
    notFoundForMs: options.notFoundForMs ?? 0,
    emptyForMs: options.emptyForMs ?? 0,
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = performance.now();
    const raw = await readBody(request, MAX_BODY_BYTES).catch(() => null);
    if (raw === null) return;
    const [path = '/', search = ''] = (request.url ?? '/').split('?', 2);
    const endpoint = ENDPOINTS.get(`${request.method} ${path}`) ?? 'other';
    const count = (status: number, bytes: number) => traffic.add({ endpoint, at, status, bytes });
    const exchange = { request, response, count };
    if (raw === undefined) {
      sendCounted(exchange, refusal(413, 'too large'));
      return;
    }
    if (!limit.takes(at)) {
      sendCounted(exchange, withRetryAfter(refusal(429, 'too many requests'), options.retryAfter));
      return;
    }
    const body = endpoint === 'multiupload' ? parseUpload(raw) : undefined;
    const query = new URLSearchParams(search);
    const view: AtlasRequestView = {
      endpoint,
      bytes: raw.length,
      batchId: query.get('batch_id') ?? undefined,
      page: endpoint === 'extracts' ? askedPage(context, query) : undefined,
      perPage: endpoint === 'extracts' ? givenPerPage(context, query) : undefined,
      productType: body?.product_type,
      documentIds: body?.file_urls.map((file) => file.document_id),
    };
    const fault = faults.choose(endpoint, view);
    if (options.latencyMs) await pause(response, options.latencyMs);
    let upload: AtlasUpload | undefined;
    const accepted = (batch: AtlasBatch): void => {
      const { batchId, productType, documentIds, submittedAt } = batch;
      upload = { batchId, productType, documentIds, at: submittedAt, answered: false };
      uploads.push(upload);
      const retained = options.retainBatches ?? Number.POSITIVE_INFINITY;
      if (uploads.length > 2 * retained) uploads = uploads.slice(-retained);
      callbacks.plan(batch);
    };
    const carryOut = async (): Promise<Answer> => {
      const instead = answerInstead(fault, (bytes) => traffic.addBytes(endpoint, bytes));
      if (instead !== undefined) return instead;
      if (fault?.fault === 'expire-tokens') tokens.forgetAll();
      if (endpoint === 'authtoken') return authToken(context, request.headers);
      if (endpoint === 'extracts') return extracts(context, request.headers, query, fault);
      if (endpoint === 'other') return refusal(404, 'no such endpoint');
      return multiUpload(context, request.headers, body, fault, accepted);
    };
    const answered = await answerUnderFault(
      exchange,
      fault,
      async () => maim(await carryOut(), fault),
      (status) => refusal(status, `Atlas answers ${status} by intention`),
    );
    if (upload !== undefined && answered) upload.answered = namesBatchId(fault);
  };

  const listener = await listen(handle, options);
  let stopped: Promise<void> | undefined;
  return {
    ...standIn(listener, traffic, faults, {
      known: KNOWN_ATLAS_FAULTS,
      completed: bindToEndpoints,
      forget() {
        batches.clear();
        batches.setDocuments(options.documents);
        tokens.forgetAll();
        Object.assign(context, credentials);
        uploads = [];
        callbacks.reset(options.callback);
      },
    }),
    get clientId() {
      return context.clientId;
    },
    get clientSecret() {
      return context.clientSecret;
    },
    batches: () => batches.all(),
    uploads: () => [...uploads],
    truth: (batchId) => batches.truth(batchId),
    bytesSent: (endpoint) => traffic.bytesSent(endpoint),
    completeNow(batchId) {
      batches.completeNow(batchId);
      callbacks.hasten(batchId);
    },
    expireTokens: () => tokens.forgetAll(),
    setCredentials({ clientId, clientSecret }) {
      Object.assign(context, { clientId, clientSecret });
      tokens.forgetAll();
    },
    setDocuments: (documents) => batches.setDocuments(documents),
    setCallback(callback) {
      callbacks.options = callback;
    },
    callbackCounts: () => ({ ...callbacks.counts }),
    stop() {
      stopped ??= Promise.all([listener.stop(), callbacks.stop(), fetcher?.stop()]).then(() => {});
      return stopped;
    },
  };
}

function namesBatchId(fault: Fault | undefined): boolean {
  return fault?.fault !== 'no-batch-id' && fault?.fault !== 'truncated-json';
}
