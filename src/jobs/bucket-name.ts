/** Names of S3's buckets. */

/**
 * Of S3: 3 to 63 characters, small letters. A name that S3 cannot have is a mistake, which would
 * otherwise be asked for until the deadline.
 */
const PLAIN = String.raw`(?!.*\.\.)[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]`;
/** Of an access point, here or on an outpost. */
const ARN = String.raw`arn:[a-z0-9\-]+:s3[a-z0-9\-]*:[a-z0-9\-]*:[0-9]*:[A-Za-z0-9.:\/_\-]{1,200}`;

export const PLAIN_BUCKET_NAME = new RegExp(`^${PLAIN}$`);
export const BUCKET_NAME = new RegExp(`^(?:${PLAIN}|${ARN})$`);

/** Ends a sentence that begins with what should be one. */
export const BUCKET_NAME_RULE =
  'must be the name of a bucket as S3 has it: 3 to 63 of a-z 0-9 . -, without s3:// and without a key';
