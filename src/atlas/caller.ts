/** One request to one endpoint: asks the budget, sends, and returns a value or throws an error. */
import type { ResponseMemory } from '../http/exchange.js';
import type { Http, HttpRequest } from '../http/host-client.js';
import { proxyAdvice } from '../http/proxy.js';
import { retryAfterMs } from '../http/retry-after.js';
import { createRepeatedWarnings } from '../logging/repeated-lines.js';
import type { Logger } from '../logging.js';
import { inTurn } from '../turns.js';
import type { Budget, BudgetQuestion } from './budget.js';
import type { AtlasObserver, Endpoint } from './observer.js';
import { errorFor, ResponseError } from './responses/response-errors.js';
import { type ResponseRow, rowFor } from './responses/response-table.js';
import type { Parsed } from './responses/wire.js';
import type { AtlasCredentials } from './token-vault.js';

export interface Call<T> extends BudgetQuestion {
  endpoint: Endpoint;
  request: HttpRequest;
  /** Reads the body of a 2xx response. */
  read: (body: string, response: { status: number; guessed: boolean }) => Parsed<T>;
  /** Named by the error of a 404. */
  atlasBatchId?: string;
  journal?: Journal | undefined;
  /** Answers for what the response takes. Without it a response of more than 1 MiB is too large. */
  memory?: ResponseMemory | undefined;
}

/** For a request that has an effect: what is known of it is kept from before it goes out. */
export interface Journal {
  /** Nothing but the request itself is left to do. It does not go out when this rejects. */
  sending(): Promise<void>;
  /** It was surely not taken. A repetition begins with {@link sending} again. */
  notTaken(): Promise<void>;
}

export type Caller = <T>(call: Call<T>, signal?: AbortSignal) => Promise<T>;

export function createCaller(parts: {
  http: Http;
  budget: Budget;
  observer: AtlasObserver;
  logger: Logger;
  /** Milliseconds since 1970 on the clock that all processes share. */
  now: () => Promise<number>;
}): Caller {
  const { http, budget, observer, logger, now } = parts;
  const warn = createRepeatedWarnings(logger);

  return async (call, signal) => {
    const { endpoint, journal, memory } = call;
    await budget.take(call, signal);
    await journal?.sending();
    const sent = performance.now();
    // What came of a request with an effect has to be known: nothing cuts it but its time limit.
    const response = await http.request(call.request, journal ? undefined : signal, memory);
    observer.requested?.({
      endpoint,
      code: response.kind === 'failed' ? response.code : String(response.status),
      seconds: (performance.now() - sent) / 1000,
    });

    const form = response.kind === 'response' ? response.form : 'json';
    const kind = response.kind === 'failed' ? response.failure : response.status;
    const row = rowFor(endpoint, kind, form);
    if (row.meaning === 'not-taken' || row.meaning === 'auth') await journal?.notTaken();

    const fail = (because: ResponseRow, detail: string, waitMs = 0) =>
      errorFor(because, detail, { retryAfterMs: waitMs, atlasBatchId: call.atlasBatchId });
    if (response.kind === 'failed') {
      const advice = proxyAdvice(response.code);
      const what = `${DESCRIPTIONS[response.failure]} (${response.code})`;
      throw fail(row, advice === undefined ? what : `${what}; ${advice}`);
    }
    const { status } = response;
    if (!row.holdsAllProcesses) budget.responded();
    if (row.meaning === 'taken') {
      const { body } = response;
      const parsed = await inTurn(body.length, () => call.read(body, response));
      if (parsed.ok) return parsed.value;
      const why = parsed.isAnotherPage ? 'another-page' : 'unusable';
      throw fail(rowFor(endpoint, why, form), `answered ${status}, but ${parsed.why}`);
    }
    const header = response.retryAfter;
    let waitMs = header === undefined ? undefined : retryAfterMs(header, await now());
    if (row.holdsAllProcesses) {
      waitMs = await budget.block(waitMs);
      const message = `Atlas asks for fewer requests (429 to ${endpoint}); all wait for ${waitMs} ms`;
      warn(undefined, message, `429 ${endpoint}`);
    }
    throw fail(row, `answered ${status}${FORMS[form]}`, waitMs);
  };
}

const DESCRIPTIONS = {
  'not-sent': 'could not be asked',
  'timed-out': 'was asked and did not respond in time',
  cut: 'was asked and its response was cut off',
  'too-large': 'gave a response that is too large',
  'not-text': 'gave a response that is no text',
} as const;

const FORMS = { json: '', 'web-page': ' with a web page', other: ' without JSON' } as const;

export function withToken<T>(made: Call<T>, token: string): Call<T> {
  const headers = { ...made.request.headers, Token: token };
  return { ...made, request: { ...made.request, headers } };
}

/** A call that may wait also waits for the end of a short block: its poll is half done. */
export function isWorthRepeating(error: unknown, made: Call<unknown>): boolean {
  if (!(error instanceof ResponseError)) return false;
  if (error.row.holdsAllProcesses) return made.mayWait;
  return error.row.retryNow === true && error.retryAfterMs === 0;
}

export function headersOf({ clientId, clientSecret }: AtlasCredentials): Record<string, string> {
  return { 'Client-Id': clientId, 'Client-Secret': clientSecret };
}
