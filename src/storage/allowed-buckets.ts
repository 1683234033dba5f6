import { PLAIN_BUCKET_NAME } from '../jobs/request/bucket-name.js';

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
  return bucket !== resultsBucket && PLAIN_BUCKET_NAME.test(bucket) && !ALIAS.test(bucket);
}

/** Endings that S3 reserves for access points. */
const ALIAS = /(-s3alias|--ol-s3|\.mrap|--xa-s3)$/;
