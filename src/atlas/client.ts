/** The client of Atlas's API: what the workers see of it, put together from its parts. */
import type { Redis } from 'ioredis';
import { createHttp } from '../http/exchange.js';
import { withRetries } from '../http/with-retries.js';
import type { Logger } from '../logging.js';
import { fromRedis } from '../redis/lua-script.js';
import { baseUrlFault } from './base-url.js';
import { Breaker } from './breaker.js';
import { createBudget } from './budget.js';
import { type Call, createCaller } from './caller.js';
import type { AtlasObserver } from './observer.js';
import { AnswerTrouble, isBlock } from './response-errors.js';
import { TokenSource } from './token.js';
import { LocalTokenVault, SharedTokenVault } from './token-vault.js';
import { type ExtractsPage, readAccessToken, readBatchId, readExtractsPage } from './wire.js';

export type { AtlasObserver, BreakerState } from './observer.js';
export type { ExtractsPage } from './wire.js';

const ROOT = '/v1/docstream';
/**
 * Short retries inside one call, for what a moment mends: a connection refused while a server
 * restarts, a read that was cut. Anything longer is the job's to wait for.
 */
const SHORT_RETRIES = { retries: 2, minTimeout: 100, factor: 3, randomize: true };
/** Another process's request for a token may first have waited for its budget. */
const TOKEN_PATIENCE_MS = 10_000;

export interface AtlasUpload {
  productType: string;
  files: { file_url: string; document_id: string }[];
  /**
   * Sent only behind this, while the budget is asked beside it. When it rejects nothing was sent,
   * and the call rejects too: with its reason, unless Atlas is in trouble already.
   */
  behind?: Promise<unknown>;
}

/** An aborted call rejects with its signal's reason; whether Atlas took it is then unknown. */
export interface AtlasClient {
  /**
   * POST multiupload. Throws RefusedError (`ATLAS_REJECTED`: a clear 4xx; `ATLAS_AUTH`: the
   * credentials never worked), or TroubleError, whose `taken` says whether Atlas may have it.
   */
  upload(request: AtlasUpload, signal?: AbortSignal): Promise<{ batchId: string }>;
  /**
   * GET extracts, one page. Throws UnknownBatchError on 404, RefusedError as above, TroubleError
   * otherwise. A page after the first waits longer for its budget than the first does.
   */
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
  /** https, or http on loopback. */
  baseUrl: string;
  clientId: string;
  clientSecret: string;
  /** One HTTP request, in milliseconds. */
  timeoutMs: number;
  /**
   * Most connections that are open at once. At least as many as calls at a time: a request that
   * waits for a connection goes out later than its budget said.
   */
  connections: number;
  /**
   * Shares token, budget and the block of a 429 over all processes. Without it the token and the
   * block are this process's own, and there is no budget. Closing it is the caller's.
   */
  redis?: Redis;
  /** Of keys in Redis; holds a hash tag, such as `{atlas}`. */
  keyPrefix: string;
  /** Over all processes and endpoints; 0 is none. */
  maxRequestsPerSecond: number;
  logger: Logger;
  observer?: AtlasObserver;
  /** Uniform in [0, 1). */
  random?: () => number;
}

/** Throws RangeError for a base URL that is not safe. Opens no connection yet. */
export function createAtlasClient(options: AtlasClientOptions): AtlasClient {
  const fault = baseUrlFault(options.baseUrl);
  if (fault !== undefined) throw new RangeError(`the base URL of Atlas ${fault}`);
  const { redis, logger, observer = {}, random = Math.random } = options;

  const http = createHttp(options);
  const budget = createBudget({ ...options, redis, observer, random });
  const now = async () => {
    if (redis === undefined) return Date.now();
    const [seconds] = await fromRedis(redis.time());
    return Number(seconds) * 1000;
  };
  const call = createCaller({ http, budget, observer, logger, now });
  const breaker = new Breaker({
    random,
    onChange(state) {
      logger.warn({ state }, `circuit to Atlas is ${state}`);
      observer.breakerChanged?.(state);
    },
  });
  const tokens = new TokenSource({
    vault:
      redis === undefined ? new LocalTokenVault() : new SharedTokenVault({ ...options, redis }),
    fetch: () =>
      call({
        endpoint: 'authtoken',
        requestClass: 'look',
        patient: true,
        request: {
          method: 'POST',
          path: `${ROOT}/authtoken`,
          headers: { 'Client-Id': options.clientId, 'Client-Secret': options.clientSecret },
        },
        read: readAccessToken,
      }),
    patienceMs: options.timeoutMs + TOKEN_PATIENCE_MS,
    random,
    onFetched() {
      logger.info({}, 'Atlas gave a token');
      observer.tokenFetched?.();
    },
  });

  /** With a token; with a new one once more if Atlas will not have it, which means: not taken. */
  async function authorized<T>(made: Call<T>, probe: boolean, signal?: AbortSignal): Promise<T> {
    // An upload must not be what finds out whether Atlas is back: of one that times out nobody
    // knows whether it was taken. A token is harmless to ask for.
    if (probe && made.endpoint === 'multiupload') await tokens.refresh(signal);
    const token = await tokens.get(signal);
    try {
      return await call(withToken(made, token), signal);
    } catch (error) {
      if (!(error instanceof AnswerTrouble) || error.row.meaning !== 'auth') throw error;
      await tokens.drop(token);
    }
    return call({ ...withToken(made, await tokens.get(signal)), patient: true }, signal);
  }

  // The retries do not get the signal: they would throw away an answer that came just before the abort.
  function perform<T>(made: Call<T>, signal?: AbortSignal): Promise<T> {
    return withRetries(() => breaker.run((probe) => authorized(made, probe, signal)), {
      ...SHORT_RETRIES,
      shouldRetry: ({ error }) => error instanceof AnswerTrouble && isWorthRepeating(error, made),
    });
  }

  return {
    async upload({ productType, files, behind }, signal) {
      // It may fail while there is no token yet, and nobody waits for it.
      behind?.catch(() => {});
      const batchId = await perform(
        {
          endpoint: 'multiupload',
          requestClass: 'submit',
          patient: false,
          request: {
            method: 'POST',
            path: `${ROOT}/multiupload`,
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ product_type: productType, file_urls: files }),
          },
          read: readBatchId,
          ...(behind && { behind }),
        },
        signal,
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
      return perform(
        {
          endpoint: 'extracts',
          requestClass: 'look',
          patient: page > 1,
          request: { method: 'GET', path: `${ROOT}/extracts?${query}`, headers: {} },
          read: (body) => readExtractsPage(body, page),
          batchId,
        },
        signal,
      );
    },
    async checkCredentials(signal) {
      await tokens.refresh(signal);
    },
    close: () => http.close(),
  };
}

function withToken<T>(made: Call<T>, token: string): Call<T> {
  const headers = { ...made.request.headers, Token: token };
  return { ...made, request: { ...made.request, headers } };
}

/** A patient call also waits out a short block, in the budget's line: its look is half done. */
function isWorthRepeating(error: AnswerTrouble, made: Call<unknown>): boolean {
  if (isBlock(error.row)) return made.patient;
  return error.row.again === true && error.retryAfterMs === 0;
}
