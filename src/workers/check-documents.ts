/** Before anything is sent: may these objects be read, and are they there? */
import { RefusedError } from '../errors.js';
import { escapeControls } from '../jobs/faults.js';
import { toRanges } from '../jobs/index-ranges.js';
import { isBucketAllowed } from '../storage/allowed-buckets.js';
import type { BatchRun } from './batch-run.js';
import { StoppingError } from './run-job.js';

/** Objects that a message names one by one; the indexes of all others follow as ranges. */
const NAMED_OBJECTS = 100;

/**
 * Checks the documents of these indexes; all faults are reported at once. Forbidden buckets come
 * first: whether their objects exist is none of the caller's business.
 * @throws RefusedError BUCKET_NOT_ALLOWED or OBJECT_NOT_FOUND; TroubleError STORAGE.
 */
export async function checkDocuments(run: BatchRun, indexes: readonly number[]): Promise<void> {
  const { context, request, signal } = run;
  const { config, store, stopping } = context;
  const documents = indexes.flatMap((index) => request.documents[index] ?? []);
  const name = (faulty: readonly number[]) => {
    const listed = faulty.slice(0, NAMED_OBJECTS).map((position) => {
      const { documentId = '', bucket = '', key = '' } = documents[position] ?? {};
      return `${documentId} (s3://${bucket}/${escapeControls(key)})`;
    });
    const others = toRanges(
      faulty.slice(NAMED_OBJECTS).flatMap((position) => indexes[position] ?? []),
    );
    return listed.join(', ') + (others ? ` and documents[${others}]` : '');
  };

  const forbidden = documents.flatMap(({ bucket }, position) =>
    isBucketAllowed(bucket, config.S3_ALLOWED_BUCKETS, config.RESULTS_BUCKET) ? [] : [position],
  );
  if (forbidden.length > 0) {
    throw new RefusedError(
      'BUCKET_NOT_ALLOWED',
      `not in a bucket that S3_ALLOWED_BUCKETS allows: ${name(forbidden)}`,
    );
  }
  const absent = await findMissing();
  if (absent.length > 0) {
    throw new RefusedError('OBJECT_NOT_FOUND', `no such object: ${name(absent)}`);
  }

  async function findMissing(): Promise<number[]> {
    try {
      return await store.findMissing(documents, AbortSignal.any([signal, stopping]));
    } catch (error) {
      if (stopping.aborted) throw new StoppingError();
      throw error;
    }
  }
}
