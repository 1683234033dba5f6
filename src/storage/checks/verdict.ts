/** What a response of S3 says of an object: can Atlas fetch it? Pure. */
import { headerOf, isSuccess, type S3Response } from '../s3-request.js';

/** Why nobody can read an object that is there, or not by a URL, or not by our role. */
export type Unreadable = 'archived' | 'empty' | 'dotted' | 'denied';
/** `doubtful`: denied, and not for long enough to be told from a permission that is not yet known. */
export type Verdict = 'readable' | 'absent' | 'doubtful' | Unreadable;

/** Classes whose objects have to be restored before they can be read, which takes minutes to days. */
const ARCHIVES = /^(GLACIER|DEEP_ARCHIVE)$/;
const RESTORED = /ongoing-request="false"/;
/** HTTP clients resolve such segments, and a proxy or Atlas would ask for another object. */
const DOT_SEGMENT = /(^|\/)\.{1,2}(\/|$)/;

export function isDotted(key: string): boolean {
  return DOT_SEGMENT.test(key);
}

/** Undefined where the response says nothing of the object: a refusal of our request, most of all. */
export function verdictOf(response: S3Response): Verdict | undefined {
  const { status, code } = response;
  if (isSuccess(response)) {
    if (isArchived(response)) return 'archived';
    return sizeOf(response) === '0' ? 'empty' : 'readable';
  }
  // Without a code it may be anybody's who stands before S3, or in its place.
  if (status === 404) return code === null ? undefined : 'absent';
  // There is no first byte.
  if (status === 416 && code !== null) return 'empty';
  return code === 'InvalidObjectState' ? 'archived' : undefined;
}

/** S3 itself says that there is no such object, in a bucket that is there. */
export function isAbsent(response: S3Response): boolean {
  return verdictOf(response) === 'absent' && response.code !== 'NoSuchBucket';
}

function isArchived(response: S3Response): boolean {
  // Present only where an object of INTELLIGENT_TIERING has to be restored.
  if (headerOf(response, 'x-amz-archive-status') !== undefined) return true;
  const storageClass = headerOf(response, 'x-amz-storage-class');
  if (storageClass === undefined || !ARCHIVES.test(storageClass)) return false;
  return !RESTORED.test(headerOf(response, 'x-amz-restore') ?? '');
}

function sizeOf(response: S3Response): string | undefined {
  const [, total] = /\/(\d+)$/.exec(headerOf(response, 'content-range') ?? '') ?? [];
  return total ?? headerOf(response, 'content-length');
}
