/** What a client throws on purpose. Messages are for people; the class is for programs. */
import { RefusedError } from '../errors.js';

/** The batch breaks the rules of a request. Nothing was added. */
export class InvalidBatchError extends RefusedError {
  /** One sentence a fault, all of them. */
  constructor(readonly faults: readonly string[]) {
    super('INVALID_JOB', `the batch is not valid: ${faults.join('; ')}`);
  }
}

/**
 * Redis does not answer, or refuses what we ask of it. Its cause has the name, code and message of
 * the client library's error, and never the command that failed.
 */
export class RedisUnavailableError extends Error {
  override name = 'RedisUnavailableError';
}

/** Nothing is known of this reference: never added, or longer ago than ended batches are kept. */
export class UnknownReferenceError extends Error {
  override name = 'UnknownReferenceError';

  constructor(readonly reference: string) {
    super(`no batch ${reference} is known here`);
  }
}

/** The batch has not ended: what was asked for does not exist yet. */
export class BatchRunningError extends Error {
  override name = 'BatchRunningError';

  constructor(readonly reference: string) {
    super(`batch ${reference} has not ended yet`);
  }
}

/** The batch did not end in the time that the caller gave. It goes on. */
export class WaitTimeoutError extends Error {
  override name = 'WaitTimeoutError';

  constructor(
    readonly reference: string,
    readonly timeoutMs: number,
  ) {
    super(`batch ${reference} did not end within ${timeoutMs} ms; it goes on`);
  }
}

/** The client was closed while it was at work. */
export class ClientClosedError extends Error {
  override name = 'ClientClosedError';

  constructor() {
    super('the client was closed');
  }
}
