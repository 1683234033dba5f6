import pLimit from 'p-limit';
import type { ObjectReference } from './object-reference.js';
import type { S3Http } from './s3-http.js';

/**
 * HEADs in flight per call. A hundred documents take a few round trips, and a batch of ten thousand
 * leaves connections for others.
 */
const HEAD_CONCURRENCY = 16;

/**
 * HEADs every object. Resolves to the indexes of those that are not there, ascending. After the
 * first error no further HEAD is sent, and those that are under way are ignored.
 */
export async function findMissing(
  http: S3Http,
  objects: readonly ObjectReference[],
  signal?: AbortSignal,
): Promise<number[]> {
  signal?.throwIfAborted();
  const limit = pLimit(HEAD_CONCURRENCY);
  try {
    const found = await limit.map(objects, (object) => http.head(object, signal));
    return found.flatMap((isThere, index) => (isThere ? [] : [index]));
  } catch (error) {
    limit.clearQueue();
    throw error;
  }
}
