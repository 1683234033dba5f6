/**
 * The rule of `S3_ALLOWED_BUCKETS`. Atlas can read whatever we sign, with the permissions of our
 * role. With a list, only the buckets on it are allowed. Without one, all are, except the results
 * bucket and names that could lead to it in another way: an ARN or an alias of an access point, or
 * a name that the SDK does not take for a bucket's (after `..` it reads the bucket from the key).
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
