/** Handles one request, with at most one fault of the connection, and counts it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultRule } from './faults.js';
import { type Answer, send } from './http-server.js';
import type { Traffic } from './traffic.js';

const DEFAULT_SLOW_MS = 1000;

export interface Exchange<Endpoint extends string> {
  request: IncomingMessage;
  response: ServerResponse;
  endpoint: Endpoint;
  /** When the request arrived, in milliseconds of `performance.now()`. */
  at: number;
  traffic: Traffic<Endpoint>;
}

/** What of a rule matters once it was chosen. */
export type Fault = Omit<FaultRule<string, string | number, never>, 'match'>;

/**
 * Carries a request out (or not, as the fault wants it) and answers (or not).
 * Returns whether the answer of `carryOut` was sent whole.
 */
export async function answerUnderFault<Endpoint extends string>(
  exchange: Exchange<Endpoint>,
  fault: Fault | undefined,
  carryOut: () => Promise<Answer>,
  answerOfStatus: (status: number, fault: Fault) => Answer,
): Promise<boolean> {
  const kind = fault?.fault;
  if (kind === 'hang') return withoutAnswer(exchange);
  if (kind === 'reset-before') return reset(exchange);
  if (fault !== undefined && typeof kind === 'number') {
    if (fault.handled === true) await carryOut();
    sendCounted(exchange, withRetryAfter(answerOfStatus(kind, fault), fault));
    return false;
  }
  const answer = await carryOut();
  if (kind === 'hang-after') return withoutAnswer(exchange);
  if (kind === 'reset-after') return reset(exchange);
  if (kind === 'cut-body') return cut(exchange, answer);
  if (kind === 'slow') await pause(exchange.response, fault?.delayMs ?? DEFAULT_SLOW_MS);
  return sendCounted(exchange, answer);
}

/** Waits; a connection that closes ends it early, so that no timer outlives the server. */
export function pause(response: ServerResponse, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      response.off('close', end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    response.once('close', end);
    if (response.destroyed) end();
  });
}

function sendCounted<Endpoint extends string>(
  exchange: Exchange<Endpoint>,
  answer: Answer,
): boolean {
  const { response, endpoint, at, traffic } = exchange;
  if (response.destroyed) return withoutAnswer(exchange);
  const length = Buffer.byteLength(answer.body ?? '');
  traffic.add({ endpoint, at, status: answer.status, bytes: length });
  send(response, answer);
  return true;
}

function withoutAnswer<Endpoint extends string>(exchange: Exchange<Endpoint>): false {
  const { endpoint, at, traffic } = exchange;
  traffic.add({ endpoint, at, status: 0, bytes: 0 });
  return false;
}

function reset<Endpoint extends string>(exchange: Exchange<Endpoint>): false {
  withoutAnswer(exchange);
  exchange.request.socket.resetAndDestroy();
  return false;
}

/** Declares the whole length, sends half, and closes. */
function cut<Endpoint extends string>(exchange: Exchange<Endpoint>, answer: Answer): false {
  const { response, endpoint, at, traffic } = exchange;
  const body = Buffer.from(answer.body ?? '');
  const half = body.subarray(0, Math.floor(body.length / 2));
  traffic.add({ endpoint, at, status: 0, bytes: half.length });
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
  response.write(half, () => exchange.request.socket.destroy());
  return false;
}

function withRetryAfter(answer: Answer, fault: Fault): Answer {
  if (fault.retryAfter === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'retry-after': fault.retryAfter } };
}
