/**
 * The client of Atlas's API, as workers use it. It puts the parts of this folder together: a call
 * passes the breaker, gets a token, asks the budget, and goes out.
 */
import type { Reason } from '../errors.js';
import type { ResponseMemory } from '../http/exchange.js';
import { createHttp } from '../http/host-client.js';
import { withRetries } from '../http/with-retries.js';
import { redisTimeMs } from '../redis/clock.js';
import { baseUrlIssue } from './base-url.js';
import { Breaker } from './breaker.js';
import { createBudget } from './budget.js';
import {
  type Call,
  createCaller,
  headersOf,
  isWorthRepeating,
  type Journal,
  withToken,
} from './caller.js';
import type { AtlasClientOptions } from './client-options.js';
import { Credentials } from './credentials.js';
import { FailingBatches } from './failing-batches.js';
import {
  type ExtractsPage,
  readAccessToken,
  readBatchId,
  readExtractsPage,
} from './responses/wire.js';
import { fromRedis } from './shared-state.js';
import { TokenSource } from './token.js';
import { LocalTokenVault, SharedTokenVault } from './token-vault.js';

export type { Journal } from './caller.js';
export type { AtlasObserver, BreakerState } from './observer.js';
export type { ExtractsPage } from './responses/wire.js';

const ROOT = '/v1/docstream';
/**
 * Short retries within one call, for failures of a moment: a connection that was refused while a
 * server restarts, a read that was cut. For anything longer the job waits.
 */
const SHORT_RETRIES = { retries: 2, minTimeout: 100, factor: 3, randomize: true };
const REFUSED: Reason = { code: 'ATLAS_AUTH', message: 'Atlas refuses the client id and secret' };
/** Another process's request for a token may have to wait for the budget first. */
const TOKEN_TIMEOUT_MS = 10_000;

export interface AtlasUpload {
  /** What is uploaded belongs to it: one batch alone opens no circuit. */
  reference: string;
  productType: string;
  files: { file_url: string; document_id: string }[];
  /** Told of every request, once breaker, token and budget have let it through. */
  journal?: Journal;
}

/** An aborted call rejects with its signal's reason. An upload that is on its way is not cut. */
export interface AtlasClient {
  /**
   * POST multiupload. Throws PermanentError (`ATLAS_REJECTED`: a clear 4xx), or TransientError, whose
   * `taken` says whether Atlas may have it.
   */
  upload(request: AtlasUpload, signal?: AbortSignal): Promise<{ atlasBatchId: string }>;
  /**
   * GET extracts, one page. Throws UnknownBatchError on 404, what `memory` throws, and otherwise
   * TransientError. A page after the first waits longer for its budget than the first does.
   * @param page `saidOfFirst`: what Atlas calls the first page, where that is known.
   */
  readPage(
    batch: { reference: string; atlasBatchId: string },
    page: { page: number; perPage: number; saidOfFirst?: number | null },
    signal?: AbortSignal,
    memory?: ResponseMemory,
  ): Promise<ExtractsPage>;
  /** Whether Atlas takes the credentials. */
  readonly credentials: Credentials;
  /** Why no upload of this process can go out: refused credentials, or an open circuit. Null when one can. */
  readonly whyShut: Reason | null;
  /** Learns that Atlas has refused the same credentials to another process: they are refused to all. */
  noticeRefusal(): Promise<void>;
  /** For how long Atlas has not answered this process, and what failed last; null while it does. */
  outage(): Breaker['outage'];
  /** Requests of this process in a row that say that Atlas is down. */
  failuresInRow(): number;
  /** One authtoken round: resolves when Atlas gave a token. */
  checkCredentials(signal?: AbortSignal): Promise<void>;
  /** Cuts what is under way. May be called twice. */
  close(): Promise<void>;
}

/** Throws RangeError for a base URL that is not safe. Opens no connection yet. */
export function createAtlasClient(options: AtlasClientOptions): AtlasClient {
  const issue = baseUrlIssue(options.baseUrl);
  if (issue !== undefined) throw new RangeError(`the base URL of Atlas ${issue}`);
  const { redis, logger, observer = {}, random = Math.random } = options;

  const http = createHttp(options);
  const budget = createBudget({ ...options, redis, observer, random });
  const now = async () => {
    // A response means what it means, also when Redis is away.
    const time = redis && (await fromRedis(redisTimeMs(redis)).catch(() => undefined));
    // Whole seconds, as the dates of HTTP have them.
    return Math.floor((time ?? Date.now()) / 1000) * 1000;
  };
  const call = createCaller({ http, budget, observer, logger, now });
  const failing = new FailingBatches({ places: options.failingAtOnce, random });
  const breaker = new Breaker({
    failing,
    random,
    onChange(state) {
      logger.warn({ state }, `circuit to Atlas is ${state}`);
      observer.breakerChanged?.(state);
    },
    probe: () => tokens.refresh(),
  });
  const tokens = new TokenSource({
    vault:
      redis === undefined ? new LocalTokenVault() : new SharedTokenVault({ ...options, redis }),
    fetch: () =>
      call({
        endpoint: 'authtoken',
        requestClass: 'poll',
        mayWait: true,
        request: {
          method: 'POST',
          path: `${ROOT}/authtoken`,
          headers: headersOf(options.credentials()),
        },
        read: readAccessToken,
      }),
    timeoutMs: options.timeoutMs + TOKEN_TIMEOUT_MS,
    random,
    onFetched() {
      logger.info({}, 'Atlas gave a token');
      observer.tokenFetched?.();
    },
    onAccepted: () => credentials.accepted(),
    onRefused: () => credentials.refused(),
  });

  const credentials: Credentials = new Credentials({
    logger,
    onChange: (accepted) => observer.credentialsChanged?.(accepted),
    // A token that this process still has may be taken for a while, and says nothing of them.
    ask: () => tokens.getShared(),
  });

  /** Sends with a token. When Atlas refuses it, nothing was taken, and a new one is tried once. */
  async function authorized<T>(
    batch: string,
    made: Call<T>,
    probe: boolean,
    signal?: AbortSignal,
  ): Promise<T> {
    // An upload must not be the probe: when it times out, nobody knows whether it was taken. A
    // request for a token does no harm.
    if (probe && made.endpoint === 'multiupload') await tokens.refresh(signal);
    const send = (token: string, again: boolean) =>
      call({ ...withToken(made, token), mayWait: made.mayWait || again }, signal);
    return tokens.use(send, { isFailing: failing.has(batch), signal });
  }

  // The retries do not get the signal: they would drop a response that came just before the abort.
  function perform<T>(batch: string, made: Call<T>, signal?: AbortSignal): Promise<T> {
    const attempt = () => breaker.run(batch, (probe) => authorized(batch, made, probe, signal));
    return failing.within(batch, made.requestClass, () =>
      withRetries(attempt, {
        ...SHORT_RETRIES,
        shouldRetry: ({ error }) => isWorthRepeating(error, made),
      }),
    );
  }

  return {
    async upload({ reference, productType, files, journal }, signal) {
      const atlasBatchId = await perform(
        reference,
        {
          endpoint: 'multiupload',
          requestClass: 'upload',
          mayWait: false,
          request: {
            method: 'POST',
            path: `${ROOT}/multiupload`,
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ product_type: productType, file_urls: files }),
          },
          read: readBatchId,
          journal,
        },
        signal,
      );
      return { atlasBatchId };
    },
    readPage({ reference, atlasBatchId }, { page, perPage, saidOfFirst }, signal, memory) {
      const query = new URLSearchParams({
        batch_id: atlasBatchId,
        page: String(page),
        pageNo: String(page),
        per_page: String(perPage),
      });
      return perform(
        reference,
        {
          endpoint: 'extracts',
          requestClass: 'poll',
          mayWait: page > 1,
          request: { method: 'GET', path: `${ROOT}/extracts?${query}`, headers: {} },
          read: (body, response) => readExtractsPage(body, page, { ...response, saidOfFirst }),
          atlasBatchId,
          memory,
        },
        signal,
      );
    },
    credentials,
    get whyShut() {
      return credentials.areRefused ? REFUSED : breaker.whyOpen;
    },
    noticeRefusal: () => tokens.noticeRefusal(),
    outage: () => breaker.outage,
    failuresInRow: () => breaker.failuresInRow,
    checkCredentials: (signal) => tokens.refresh(signal).then(() => {}),
    close() {
      credentials.stop();
      breaker.stop();
      return http.close();
    },
  };
}
