/**
 * Every failure that atlas-batch knows by name.
 *
 * The class of an error, not its text, decides what happens next: a {@link PermanentError} ends the
 * batch (or the upload) now, a {@link TransientError} is tried again until the batch's deadline, and
 * {@link LockLostError} stops a worker that no longer owns its job. Messages are for people. They
 * never hold a response body, a header, a URL with a query, a token or an extracted field.
 */

/** Why a batch failed, as `reason.code` of a `batch.failed` event. */
export const REASON_CODES = [
  'INVALID_JOB',
  'OBJECT_NOT_FOUND',
  'OBJECT_UNREADABLE',
  'BUCKET_NOT_ALLOWED',
  'ATLAS_AUTH',
  'ATLAS_REJECTED',
  'ATLAS_UNAVAILABLE',
  'ATLAS_PROTOCOL',
  'INCOMPLETE',
  'AMBIGUOUS_SUBMISSION',
  'STORAGE',
  'CANCELLED',
  'INTERNAL',
] as const;

/** One of {@link REASON_CODES}. */
export type ReasonCode = (typeof REASON_CODES)[number];

/** Why something failed, as a value. */
export interface Reason {
  /** For programs. */
  code: ReasonCode;
  /** For people. It names every issue. */
  message: string;
}

/** `STORAGE: GET s3://… answered 503`, for people. */
export function describeReason({ code, message }: Reason): string {
  return `${code}: ${message}`;
}

/** Redis quotes the arguments of a command that it does not know, a password among them. */
const QUOTED_ARGUMENTS = /,? with args beginning with:[^\n]*/;

/** `JSON.parse` quotes what it could not read, which is the data of a job or a response: up to forty letters of it. */
const QUOTED_JSON =
  /(?:Unexpected token [\s\S]{1,4}?, )?(?:\.\.\.)?"[\s\S]{0,80}?"(?:\.\.\.)? is not valid JSON/;

/** The message or the stack of an error, without the arguments of a command, and without the data that was no JSON. */
export function withoutArguments(text: string): string {
  return text.replace(QUOTED_ARGUMENTS, '').replace(QUOTED_JSON, 'it is not valid JSON');
}

/**
 * An error with the name, code and message of another, and nothing else. Errors of client libraries
 * carry what they were asked to do: a command with a password, a request with its headers.
 */
export function bareError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(`a ${typeof error} was thrown`);
  const message = withoutArguments(error.message);
  const bare = Object.assign(new Error(message), { name: error.name });
  bare.stack = `${error.name}: ${message}`;
  const code = errorCode(error);
  return code === undefined ? bare : Object.assign(bare, { code });
}

/**
 * What may be logged of an error. The object itself may not: errors of client libraries carry the
 * command or the request that failed, with everything in it.
 */
export function errorFields(error: unknown): { errorName: string; errorStack: string } {
  return error instanceof Error
    ? { errorName: error.name, errorStack: withoutArguments(error.stack ?? error.message) }
    : { errorName: 'unknown', errorStack: typeof error };
}

/** The code of a failed system call, or the one that a library gave, such as `ECONNREFUSED`. */
export function errorCode(error: unknown): string | undefined {
  const code: unknown = Reflect.get(Object(error), 'code');
  return typeof code === 'string' ? code : undefined;
}

/** Whether a library gave an error this code. Those of BullMQ are numbers (`ErrorCode`). */
export function hasCode(error: unknown, code: string | number): boolean {
  return Reflect.get(Object(error), 'code') === code;
}

/** What an error is called: its code, which says more, or else its name. */
export function errorName(error: unknown): string {
  return errorCode(error) ?? (error instanceof Error ? error.name : 'unknown error');
}

/**
 * Base of every error that atlas-batch throws on purpose. `name` is the name of the class. A `cause`
 * keeps the name, code and message of what was caught, and nothing else ({@link bareError}).
 *
 * It does not cover: a defect, which throws whatever it throws; the reason of an `AbortSignal` of
 * yours, which is thrown as it is; and what a completion handler of yours throws.
 */
export abstract class AtlasBatchError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: bareError(options.cause) });
    this.name = new.target.name;
  }
}

/** An error that can become the reason of a `batch.failed` event. */
export abstract class BatchError extends AtlasBatchError {
  constructor(
    /** For programs, as `reason.code` of the event. */
    readonly code: ReasonCode,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
  }

  /** The error as a value, for states and events. */
  get reason(): Reason {
    return { code: this.code, message: this.message };
  }
}

/** Trying again would give the same response. Ends the batch or the upload now. */
export class PermanentError extends BatchError {}

/** An error that passes: network, time-outs, 429, 5xx, malformed responses, S3 out of reach. */
export class TransientError extends BatchError {
  /**
   * Whether Atlas may have acted on the failed request. `not-taken`: surely not (connection refused,
   * 429, 503). `unknown`: it may have (a time-out or reset after the body went out, a 5xx other than
   * 503, a 200 that does not say what happened).
   */
  readonly taken: 'not-taken' | 'unknown';
  /** How long the other side asked us to wait, in milliseconds, already capped; 0 when it did not. */
  readonly retryAfterMs: number;

  constructor(
    code: ReasonCode,
    message: string,
    options: { taken?: TransientError['taken']; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.taken = options.taken ?? 'not-taken';
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** This process asked for nothing, or is not let in: another one may be luckier. */
export class TurnedAwayError extends TransientError {}

/**
 * This process is not configured for it, and another one may be: a bucket that its list lacks,
 * credentials that S3 does not take. The job is left to others.
 */
export class OwnFaultError extends TransientError {}

/** `GET extracts` answered 404: Atlas does not know this `batch_id` (perhaps: not yet). */
export class UnknownBatchError extends BatchError {
  constructor(atlasBatchId: string) {
    super('ATLAS_REJECTED', `Atlas answers 404 for ${atlasBatchId}`);
  }
}

/** The job's lock is gone: another worker owns the job now, and this one must stop at once. */
export class LockLostError extends AtlasBatchError {
  constructor(jobId: string) {
    super(`the lock of job ${jobId} was lost; another worker goes on with it`);
  }
}

/** A variable is missing or wrong, or a command was used wrongly. The process exits with 2. */
export class UsageError extends AtlasBatchError {}

/**
 * Redis does not respond, or refuses what we ask of it. Its cause has the name, code and message of
 * the client library's error, and never the command that failed.
 */
export class RedisUnavailableError extends AtlasBatchError {}

/** The client was closed while it was at work. */
export class ClientClosedError extends AtlasBatchError {
  constructor() {
    super('the client was closed');
  }
}

/** Nothing is known of this reference: never added, or longer ago than ended batches are kept. */
export class UnknownReferenceError extends AtlasBatchError {
  constructor(readonly reference: string) {
    super(`no batch ${reference} is known here`);
  }
}
