/** What a client throws on purpose, besides what `errors.ts` has. */
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

/** The batch has ended, but a results object of it is not in S3 any more: a rule of the bucket, or somebody, deleted it. */
export class ResultsGoneError extends PermanentError {
  constructor(
    /** `s3://bucket/key`. */
    readonly uri: string,
  ) {
    super('STORAGE', `there is no object ${uri} any more`);
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
