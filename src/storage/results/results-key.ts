/** Where the result of an Atlas batch is kept: its key in the results bucket, and its URI. */

/** `<prefix><reference>/<batch_id>.json`. */
export function resultKey(prefix: string, reference: string, atlasBatchId: string): string {
  return `${prefix}${reference}/${encodeURIComponent(atlasBatchId.toWellFormed())}.json`;
}

/** The `s3://` URI that those of all results begin with. */
export function resultsRoot(bucket: string, prefix: string): string {
  return `s3://${bucket}/${prefix}`;
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
