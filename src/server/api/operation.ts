/** What an operation of the API is: how it is called, what it responds, and what it does. */
import type { z } from 'zod';
import type { ClientQueues } from '../../batches/client-queues.js';
import type { createEndWatcher } from '../../client/end-watcher.js';
import type { createResultReader } from '../../client/results.js';
import type { ServerConfig } from '../../config/server-config.js';
import type { Logger } from '../../logging.js';
import type { Action, Caller } from './access.js';
import type { OutcomeFeed } from './feeds/outcome-feed.js';
import type { ProgressFeed } from './feeds/progress-feed.js';
import type { OpenKind } from './open-calls.js';
import type { ProblemCode } from './problem.js';

/** What operations use. The server makes one of it. */
export interface ApiServices {
  queues: ClientQueues;
  config: ServerConfig;
  logger: Logger;
  /** One for all callers that wait: they share its connection. */
  watcher: ReturnType<typeof createEndWatcher>;
  results: ReturnType<typeof createResultReader>;
  /** What all who follow batches share. */
  outcomes: OutcomeFeed;
  progress: ProgressFeed;
  /** Aborted when the server stops: whoever waits is answered at once. */
  closing: AbortSignal;
}

/** A request, after its token, role and parameters were checked. */
export interface ApiCall<Query> {
  caller: Caller;
  /** Of the path; empty where it names none. */
  reference: string;
  query: Query;
  /** JSON, or the bytes of lines of JSON; undefined without a body. */
  body: unknown;
  /** Where it comes from. */
  address: string;
  /** Aborted when the caller goes away. */
  signal: AbortSignal;
  /**
   * Counts the call as open until it is over, also when its response never begins.
   * @returns A function that says that it is over. May be called twice.
   * @throws ApiProblem when too many are open.
   */
  holdOpen(kind: OpenKind): () => void;
  /** Lets the connection be silent for so long. */
  allowSilence(milliseconds: number): void;
  /** Whether its token is still in the file. */
  isStillKnown(): boolean;
  /** Header fields of the request, by their names in small letters. */
  header(name: string): string | undefined;
}

/** What is sent back. */
export interface ApiReply {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
  /** Instead of `body`: sent piece by piece, as fast as the caller reads. */
  stream?: AsyncIterable<string>;
}

/** A response that is no problem, for the document. */
export interface ResponseDescription {
  description: string;
  /** Default `application/json`. */
  contentType?: string;
  /** Of the body; of a line where there are lines. */
  schema?: z.ZodType;
}

interface Definition<Query> {
  operationId: string;
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below `/api/v1`, such as `/batches/{reference}`. */
  path: string;
  action: Action;
  summary: string;
  description?: string;
  query?: z.ZodType<Query>;
  /** Header fields that it reads, with what they mean. */
  headers?: Readonly<Record<string, string>>;
  body?: {
    contentType: 'application/json' | 'application/x-ndjson';
    schema: z.ZodType;
    description: string;
    limitBytes: number;
    required: boolean;
  };
  responses: Readonly<Record<number, ResponseDescription>>;
  /** Besides those that every operation has. */
  problems: readonly ProblemCode[];
  handle(services: ApiServices, call: ApiCall<Query>): Promise<ApiReply>;
}

export type Operation = Definition<unknown>;

/** Keeps the type of the query for the handler. */
export function operation<Query>(definition: Definition<Query>): Operation {
  return definition as Operation;
}
