/** What a client throws on purpose. Messages are for people; the class is for programs. */
import { AtlasBatchError, PermanentError } from '../errors.js';

/** The batch breaks the rules of a request. Nothing was added. */
export class InvalidBatchError extends PermanentError {
  constructor(
    /** One sentence per issue, all of them. */
    readonly issues: readonly string[],
  ) {
    super('INVALID_JOB', `the batch is not valid: ${issues.join('; ')}`);
  }
}

/** The batch has not ended: what was asked for does not exist yet. */
export class BatchRunningError extends AtlasBatchError {
  constructor(readonly reference: string) {
    super(`batch ${reference} has not ended yet`);
  }
}

/** The batch did not end in the time that the caller gave. It goes on. */
export class WaitTimeoutError extends AtlasBatchError {
  constructor(
    readonly reference: string,
    readonly timeoutMs: number,
  ) {
    super(`batch ${reference} did not end within ${timeoutMs} ms; it goes on`);
  }
}
