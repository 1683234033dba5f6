/** The keys by which workers tell each other what they can read in S3. All expire. */

/**
 * Sorted set: rules of which buckets are allowed, by the Redis time in ms of the last heartbeat of a
 * worker that has it. Written with each heartbeat; a minute.
 */
export function bucketRulesKey(prefix: string): string {
  return `${prefix}:bucket-rules`;
}

/**
 * Sorted set: what the S3s are called of which workers have read documents, by the Redis time in ms of the
 * heartbeat that said so. Written with each heartbeat of a worker that has; a minute.
 */
export function storesReadKey(prefix: string): string {
  return `${prefix}:stores-read`;
}

/**
 * Sorted set: workers that say of denied objects whether they can read them, by the Redis time in ms at which they
 * last asked for such objects. Written by each worker every 5 s; two minutes.
 */
export function readersKey(prefix: string): string {
  return `${prefix}:readers`;
}

/**
 * Sorted set: `["bucket","key"]` of objects that are denied to a worker which reads others of the bucket, by the
 * Redis time in ms since which the others are asked. Written by that worker; until all have said that they cannot
 * read it, five minutes, or until any batch is erased.
 */
export function deniedObjectsKey(prefix: string): string {
  return `${prefix}:denied-objects`;
}

/**
 * Hash: what each worker says of one such object, `readable` or `denied`. Written by the workers; two minutes.
 * @param digest Of the object, so that the key does not name it.
 */
export function deniedAnswersKey(prefix: string, digest: string): string {
  return `${prefix}:denied-answers:${digest}`;
}
