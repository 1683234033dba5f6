/** Handles one request, with at most one fault of the connection, and counts it. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultRule } from './fault-rules.js';
import { type Answer, send } from './http-server.js';

const DEFAULT_SLOW_MS = 1000;

export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  /** Counts the answer. Status 0 means that there was none. */
  count(status: number, bytes: number): void;
}

/** The part of a rule that matters once it is chosen. */
export type Fault = Omit<FaultRule<string, string | number, never>, 'match'>;

/**
 * Carries a request out and answers it, unless the fault prevents that.
 * @param errorOf The error that belongs to the status of a status fault.
 * @returns whether the answer of `carryOut` was sent whole.
 */
export async function answerUnderFault(
  exchange: Exchange,
  fault: Fault | undefined,
  carryOut: () => Promise<Answer>,
  errorOf: (status: number) => Answer,
): Promise<boolean> {
  const kind = fault?.fault;
  if (kind === 'hang') return withoutAnswer(exchange);
  if (kind === 'reset-before') return reset(exchange);
  if (fault !== undefined && typeof kind === 'number') {
    if (fault.handled === true) await carryOut();
    const answer = inForm(fault.body, kind, errorOf);
    sendCounted(exchange, withRetryAfter(answer, fault.retryAfter));
    return false;
  }
  if (kind === 'late') {
    await (fault?.until ?? pause(exchange.response, fault?.delayMs ?? DEFAULT_SLOW_MS));
  }
  const answer = await carryOut();
  if (kind === 'hang-after') return withoutAnswer(exchange);
  if (kind === 'reset-after') return reset(exchange);
  if (kind === 'cut-body') return cut(exchange, answer);
  if (kind === 'idle-close') closeWhenIdle(exchange, fault?.delayMs ?? DEFAULT_SLOW_MS);
  if (kind === 'slow') await pause(exchange.response, fault?.delayMs ?? DEFAULT_SLOW_MS);
  return sendCounted(exchange, answer);
}

/** Waits. A connection that closes ends it early, so that no timer outlives the server. */
export async function pause(response: ServerResponse, delayMs: number): Promise<void> {
  if (response.destroyed) return;
  const signal = AbortSignal.timeout(Math.ceil(delayMs));
  await once(response, 'close', { signal }).catch(() => {});
}

/** Counts an answer and sends it. Returns false when the connection is closed already. */
export function sendCounted(exchange: Exchange, answer: Answer): boolean {
  const { request, response } = exchange;
  if (response.destroyed) return withoutAnswer(exchange);
  // An answer to HEAD has no body, and not the length of one that is not there.
  const sent = request.method === 'HEAD' ? { ...answer, body: '' } : answer;
  exchange.count(sent.status, Buffer.byteLength(sent.body ?? ''));
  send(response, sent);
  return true;
}

export function withRetryAfter(answer: Answer, retryAfter: string | undefined): Answer {
  if (retryAfter === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'retry-after': retryAfter } };
}

/** An error of the service itself, or what a gateway in front of it says. */
function inForm(form: Fault['body'], status: number, errorOf: (status: number) => Answer): Answer {
  if (form === 'empty') return { status };
  if (form === 'text')
    return { status, headers: { 'content-type': 'text/plain' }, body: 'no route' };
  if (form !== 'html') return errorOf(status);
  const body = `<html><body><h1>${status}</h1><hr>gateway</body></html>`;
  return { status, headers: { 'content-type': 'text/html' }, body };
}

/** After the server's own listener of the same event has set the time limit of an idle connection. */
function closeWhenIdle({ request, response }: Exchange, idleMs: number): void {
  response.once('finish', () => setImmediate(() => request.socket.setTimeout(idleMs)));
}

function withoutAnswer(exchange: Exchange): false {
  exchange.count(0, 0);
  return false;
}

function reset(exchange: Exchange): false {
  withoutAnswer(exchange);
  exchange.request.socket.resetAndDestroy();
  return false;
}

/** Declares the whole length, sends half, and closes. */
function cut({ request, response, count }: Exchange, answer: Answer): false {
  const body = Buffer.from(answer.body ?? '');
  const half = body.subarray(0, Math.floor(body.length / 2));
  count(0, half.length);
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
  response.write(half, () => request.socket.destroy());
  return false;
}
