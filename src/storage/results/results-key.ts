/** Where the result of an Atlas batch is kept: its key in the results bucket, and its URI. */

import { createHash } from 'node:crypto';

/** A key of S3 has 1,024 bytes at most, of which a reference and a name take less than half. */
export const MAX_PREFIX_BYTES = 512;
/** Results are copied to disks, where a name has 255 bytes. A `batch_id` in plain letters always fits. */
const MAX_NAME_LENGTH = 250;
/** 128 bits. */
const DIGEST_LENGTH = 22;

/** `<prefix><reference>/<batch_id>.json`. */
export function resultKey(prefix: string, reference: string, atlasBatchId: string): string {
  return `${prefix}${reference}/${nameOf(atlasBatchId.toWellFormed())}.json`;
}

/** The id, percent-encoded; of a long one the start, and a digest of it all after a letter that no id has. */
function nameOf(atlasBatchId: string): string {
  const encoded = encodeURIComponent(atlasBatchId);
  if (encoded.length <= MAX_NAME_LENGTH) return encoded;
  const digest = createHash('sha256').update(atlasBatchId).digest('base64url');
  const start = wholeStart(atlasBatchId, MAX_NAME_LENGTH - DIGEST_LENGTH - 1);
  return `${start}=${digest.slice(0, DIGEST_LENGTH)}`;
}

/** Whole letters only: half of one is nothing that can be decoded. */
function wholeStart(text: string, maxLength: number): string {
  let start = '';
  for (const letter of text) {
    const longer = start + encodeURIComponent(letter);
    if (longer.length > maxLength) break;
    start = longer;
  }
  return start;
}

/** The `s3://` URI that those of all results begin with. */
export function resultsRoot(bucket: string, prefix: string): string {
  return `s3://${bucket}/${prefix}`;
}

/** Below which all results of a batch lie. */
export function resultsFolder(root: string, reference: string): string {
  return `${root}${reference}/`;
}

/** As completion events name it. The key stands in it as it is, not percent-encoded once more. */
export function resultUri(root: string, reference: string, atlasBatchId: string): string {
  return root + resultKey('', reference, atlasBatchId);
}

/** Bucket and key of a {@link resultUri}; both are empty when the text is none. */
export function parseResultUri(uri: string): { bucket: string; key: string } {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(uri) ?? [];
  return { bucket, key };
}
