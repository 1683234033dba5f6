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
  const missing: number[] = [];
  // One iterator for all lanes: each takes the next object when it is free.
  const queue = objects.entries();
  let failed = false;
  async function lane(): Promise<void> {
    for (const [index, object] of queue) {
      if (failed) return;
      if (!(await http.head(object, signal))) missing.push(index);
    }
  }
  const lanes = Math.min(HEAD_CONCURRENCY, objects.length);
  try {
    await Promise.all(Array.from({ length: lanes }, lane));
  } catch (error) {
    failed = true;
    throw error;
  }
  return missing.sort((a, b) => a - b);
}
