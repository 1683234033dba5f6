/** Before anything is sent: may these objects be read, and are they there? */
import { OwnFaultError, PermanentError } from '../../errors.js';
import { toRanges } from '../../jobs/index-ranges.js';
import type { BatchDocument } from '../../jobs/request.js';
import { escapeControls } from '../../jobs/validation-issues.js';
import { isBucketAllowed } from '../../storage/allowed-buckets.js';
import { type BatchContext, checkpoint } from './batch-context.js';

/** Objects that a message names one by one; the indexes of all others follow as ranges. */
const NAMED_OBJECTS = 100;
/** Objects between two safe points: a second or two, even of a slow S3. */
const CHECKED_AT_ONCE = 500;

/**
 * Checks the documents of these indexes; all issues are reported at once. Forbidden buckets come
 * first: whether their objects exist is none of the caller's business.
 * @throws PermanentError BUCKET_NOT_ALLOWED or OBJECT_NOT_FOUND; TransientError STORAGE; OwnFaultError
 *   where other workers allow a bucket.
 */
export async function checkDocuments(run: BatchContext, indexes: readonly number[]): Promise<void> {
  const { request } = run;
  const { config } = run.context;
  const documents = indexes.flatMap((index) => request.documents[index] ?? []);
  const name = (invalid: readonly number[]) => {
    const listed = invalid.slice(0, NAMED_OBJECTS).map((position) => {
      const { documentId = '', bucket = '', key = '' } = documents[position] ?? {};
      return `${documentId} (s3://${bucket}/${escapeControls(key)})`;
    });
    const others = toRanges(
      invalid.slice(NAMED_OBJECTS).flatMap((position) => indexes[position] ?? []),
    );
    return listed.join(', ') + (others ? ` and documents[${others}]` : '');
  };

  const forbidden = documents.flatMap(({ bucket }, position) =>
    isBucketAllowed(bucket, config.S3_ALLOWED_BUCKETS, config.RESULTS_BUCKET) ? [] : [position],
  );
  if (forbidden.length > 0) {
    const buckets = new Set(forbidden.map((position) => documents[position]?.bucket ?? ''));
    const elsewhere = await run.context.bucketRules.allowedElsewhere(buckets);
    const nowhere = forbidden.filter((at) => !elsewhere.has(documents[at]?.bucket ?? ''));
    if (nowhere.length === 0) {
      throw new OwnFaultError(
        'BUCKET_NOT_ALLOWED',
        `this worker does not allow ${[...elsewhere].join(', ')} (S3_ALLOWED_BUCKETS), and others do`,
      );
    }
    throw new PermanentError(
      'BUCKET_NOT_ALLOWED',
      `not in a bucket that S3_ALLOWED_BUCKETS allows: ${name(nowhere)}`,
    );
  }
  const absent = await findMissing(run, documents);
  if (absent.length > 0) {
    throw new PermanentError('OBJECT_NOT_FOUND', `no such object: ${name(absent)}`);
  }
}

/** In parts, so that a worker that stops does not have to wait for ten thousand answers. */
async function findMissing(
  run: BatchContext,
  documents: readonly BatchDocument[],
): Promise<number[]> {
  const missing: number[] = [];
  for (let from = 0; from < documents.length; from += CHECKED_AT_ONCE) {
    checkpoint(run);
    const part = documents.slice(from, from + CHECKED_AT_ONCE);
    const absent = await run.context.store.findMissing(part, run.signal);
    missing.push(...absent.map((position) => from + position));
  }
  return missing;
}
