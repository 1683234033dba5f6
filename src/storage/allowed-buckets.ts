/**
 * The rule of `S3_ALLOWED_BUCKETS`: what we sign, Atlas reads, with all that our role may read.
 * Without a list, any bucket will do but the results bucket, and but a name that could lead to
 * it by another way: an ARN or alias of an access point, or one that the SDK would not take for
 * a bucket's (`..` makes it read the bucket from the key). Such names, and the results bucket,
 * are allowed only when they are listed as they are.
 */
export function isBucketAllowed(
  bucket: string,
  allowedBuckets: readonly string[],
  resultsBucket: string,
): boolean {
  if (allowedBuckets.length > 0) return allowedBuckets.includes(bucket);
  return bucket !== resultsBucket && PLAIN_NAME.test(bucket) && !ALIAS.test(bucket);
}

/** S3's names, and the capitals and underscores of old buckets and other stores. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** Endings that S3 reserves for access points. */
const ALIAS = /(-s3alias|--ol-s3|\.mrap|--xa-s3)$/;
