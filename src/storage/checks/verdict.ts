/** What a response of S3 says of an object: can Atlas fetch it? Pure. */
import { headerOf, isSuccess, type S3Response } from '../s3-request.js';

/**
 * Why nobody can read an object that is there, or not by a URL, or not by our role. `sealed`: it is encrypted
 * with a key that only whoever stored it has (SSE-C). `locked`: with one of KMS that our role may not use.
 */
export type Unreadable = 'archived' | 'empty' | 'dotted' | 'denied' | 'sealed' | 'locked';
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
  const { status, code, wantsKey } = response;
  if (isSuccess(response)) {
    if (isArchived(response)) return 'archived';
    return sizeOf(response) === '0' ? 'empty' : 'readable';
  }
  // Without a code it may be anybody's who stands before S3, or in its place.
  if (status === 404) return code === null ? undefined : 'absent';
  // There is no first byte.
  if (status === 416 && code !== null) return 'empty';
  if (wantsKey) return 'sealed';
  return code === 'InvalidObjectState' ? 'archived' : undefined;
}

/**
 * The key of KMS that the object is encrypted with; undefined where S3 has one of its own. HEAD does not use it,
 * and so does not say whether our role may.
 */
export function kmsKeyOf(response: S3Response): string | undefined {
  if (!headerOf(response, 'x-amz-server-side-encryption')?.startsWith('aws:kms')) return undefined;
  return headerOf(response, 'x-amz-server-side-encryption-aws-kms-key-id') ?? 'unnamed';
}

/** A refusal that may be of this object alone: by a policy, or by the key that it is encrypted with. */
export function isOfObject({ code }: S3Response): boolean {
  return code === 'AccessDenied' || /^KMS\./.test(code ?? '');
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
