/** The client of Atlas's API: what the workers see of it. */
import type { Redis } from 'ioredis';
import { TroubleError } from '../errors.js';
import { errorFor, rowFor } from './answers.js';
import { baseUrlFault } from './base-url.js';
import { createHttp, type HttpRequest } from './http.js';
import type { AtlasLogger, AtlasObserver, Endpoint } from './observer.js';
import {
  type ExtractsPage,
  readAccessToken,
  readBatchId,
  readExtractsPage,
  type Wire,
} from './wire.js';

export type { AtlasLogger, AtlasObserver } from './observer.js';
export type { ExtractsPage } from './wire.js';

const ROOT = '/v1/docstream';

export interface AtlasUpload {
  productType: string;
  files: { file_url: string; document_id: string }[];
}

/** An aborted call rejects with its signal's reason; whether Atlas took it is then unknown. */
export interface AtlasClient {
  /**
   * POST multiupload. Throws RefusedError (`ATLAS_REJECTED`: a clear 4xx; `ATLAS_AUTH`: the
   * credentials never worked), TroubleError with `taken` otherwise.
   */
  upload(request: AtlasUpload, signal?: AbortSignal): Promise<{ batchId: string }>;
  /** GET extracts, one page. Throws UnknownBatchError on 404, TroubleError otherwise. */
  readPage(
    batchId: string,
    page: { page: number; perPage: number },
    signal?: AbortSignal,
  ): Promise<ExtractsPage>;
  /** One authtoken round: resolves when Atlas gave a token. */
  checkCredentials(signal?: AbortSignal): Promise<void>;
  /** Cuts what is under way. May be called twice. */
  close(): Promise<void>;
}

export interface AtlasClientOptions {
  baseUrl: string;
  clientId: string;
  clientSecret: string;
  /** One request, in milliseconds. */
  timeoutMs: number;
  /** Most connections that are open at once. */
  connections: number;
  /** Shares token, budget and the block of a 429 over all processes. */
  redis?: Redis;
  /** Of keys in Redis; holds a hash tag, such as `{atlas}`. */
  keyPrefix: string;
  /** Over all processes and endpoints; 0 is none. */
  maxRequestsPerSecond: number;
  logger: AtlasLogger;
  observer?: AtlasObserver;
  /** Uniform in [0, 1). */
  random?: () => number;
}

export function createAtlasClient(options: AtlasClientOptions): AtlasClient {
  const fault = baseUrlFault(options.baseUrl);
  if (fault !== undefined) throw new Error(`the base URL of Atlas ${fault}`);
  const http = createHttp(options);
  let token: string | undefined;

  async function exchange<T>(
    endpoint: Endpoint,
    request: HttpRequest,
    read: (body: string) => Wire<T>,
    batchId: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const answer = await http.request(request, signal);
    if (answer.kind === 'failed') {
      throw errorFor(rowFor(endpoint, answer.failure), `gave no answer (${answer.code})`);
    }
    const row = rowFor(endpoint, answer.status);
    if (row.code === undefined) {
      const wire = read(answer.body);
      if (wire.ok) return wire.value;
      throw errorFor(rowFor(endpoint, 'unusable'), `answered ${answer.status}, but ${wire.why}`);
    }
    throw errorFor(row, `answered ${answer.status}`, batchId === undefined ? {} : { batchId });
  }

  async function fetchToken(signal?: AbortSignal): Promise<string> {
    const headers = { 'Client-Id': options.clientId, 'Client-Secret': options.clientSecret };
    const request: HttpRequest = { method: 'POST', path: `${ROOT}/authtoken`, headers };
    return exchange('authtoken', request, readAccessToken, undefined, signal);
  }

  async function withToken<T>(
    signal: AbortSignal | undefined,
    send: (token: string) => Promise<T>,
  ) {
    token ??= await fetchToken(signal);
    const used = token;
    try {
      return await send(used);
    } catch (error) {
      if (!(error instanceof TroubleError) || error.code !== 'ATLAS_AUTH') throw error;
      if (token === used) token = await fetchToken(signal);
      return send(token ?? used);
    }
  }

  return {
    async upload(request, signal) {
      const body = JSON.stringify({ product_type: request.productType, file_urls: request.files });
      const batchId = await withToken(signal, (Token) =>
        exchange(
          'multiupload',
          {
            method: 'POST',
            path: `${ROOT}/multiupload`,
            headers: { Token, 'Content-Type': 'application/json' },
            body,
          },
          readBatchId,
          undefined,
          signal,
        ),
      );
      return { batchId };
    },
    readPage(batchId, { page, perPage }, signal) {
      const query = new URLSearchParams({
        batch_id: batchId,
        page: String(page),
        pageNo: String(page),
        per_page: String(perPage),
      });
      return withToken(signal, (Token) =>
        exchange(
          'extracts',
          { method: 'GET', path: `${ROOT}/extracts?${query}`, headers: { Token } },
          (body) => readExtractsPage(body, page),
          batchId,
          signal,
        ),
      );
    },
    async checkCredentials(signal) {
      token = await fetchToken(signal);
    },
    close: () => http.close(),
  };
}
