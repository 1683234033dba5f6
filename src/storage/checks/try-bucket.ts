/** Whether a bucket of documents can be read as we ask and as Atlas does, without knowing an object in it. */
import { randomUUID } from 'node:crypto';
import { BatchError } from '../../errors.js';
import type { S3Http } from '../s3-http.js';
import type { ObjectReference, S3Response } from '../s3-request.js';
import { responseError } from '../storage-errors.js';
import { isAbsent } from './verdict.js';

/** How it went to ask for an object that is not there: `absent` is all that can be wished for. */
export type Try =
  | { kind: 'absent' }
  /** The bucket is there, or not to be seen, and the role may not read it or not list it. */
  | { kind: 'denied'; message: string }
  | { kind: 'failed'; message: string };

export interface BucketTrial {
  /** Signed in headers, as our own requests are. */
  ours: Try;
  /** By a pre-signed URL. Null where ours did not get far enough to compare. */
  theirs: Try | null;
}

export async function tryBucket(
  http: S3Http,
  bucket: string,
  presign: (object: ObjectReference) => Promise<string>,
): Promise<BucketTrial> {
  const object = { bucket, key: `atlas-batch-doctor-${randomUUID()}` };
  const ours = await outcomeOf(object, () => http.ask({ method: 'GET', object }));
  if (ours.kind !== 'absent') return { ours, theirs: null };
  const theirs = await outcomeOf(object, async () => http.fetch(await presign(object), object));
  return { ours, theirs };
}

async function outcomeOf(object: ObjectReference, ask: () => Promise<S3Response>): Promise<Try> {
  try {
    const response = await ask();
    if (isAbsent(response)) return { kind: 'absent' };
    const { message } = responseError('GET', object, response);
    return { kind: response.code === 'AccessDenied' ? 'denied' : 'failed', message };
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    return { kind: 'failed', message: error.message };
  }
}
