import { setMaxListeners } from 'node:events';
import type { ObjectReference } from './object-reference.js';
import type { S3Http } from './s3-http.js';

/**
 * HEADs in flight per call: a batch of a hundred documents is checked in a few round trips, and
 * several batches at once do not wait for one of ten thousand.
 */
const HEAD_CONCURRENCY = 16;

/**
 * HEADs every object; resolves to the indexes of those that are not there, ascending.
 * The first trouble stops the others.
 */
export async function findMissing(
  http: S3Http,
  objects: readonly ObjectReference[],
  signal?: AbortSignal,
): Promise<number[]> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  setMaxListeners(HEAD_CONCURRENCY + 1, stop.signal);
  const forward = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', forward, { once: true });

  const missing: number[] = [];
  // One iterator for all lanes: each takes the next object when it is free.
  const queue = objects.entries();
  async function lane(): Promise<void> {
    for (const [index, object] of queue) {
      if (!(await http.head(object, stop.signal))) missing.push(index);
    }
  }
  try {
    const lanes = Math.min(HEAD_CONCURRENCY, objects.length);
    await Promise.all(Array.from({ length: lanes }, lane));
  } catch (error) {
    stop.abort(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', forward);
  }
  return missing.sort((a, b) => a - b);
}
