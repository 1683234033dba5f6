/** Where results are kept. */

/** Key of the results object of one Atlas batch: `<prefix><reference>/<batch_id>.json`. */
export function resultKey(prefix: string, reference: string, atlasBatchId: string): string {
  return `${prefix}${reference}/${encodeURIComponent(atlasBatchId.toWellFormed())}.json`;
}

/** As completion events name it: the key as it is, not percent-encoded once more. */
export function resultUri(bucket: string, key: string): string {
  return `s3://${bucket}/${key}`;
}
