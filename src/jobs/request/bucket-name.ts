/** Names of S3's buckets. */

/**
 * Of S3: 3 to 63 characters, small letters. A name that S3 cannot have is a mistake, which would
 * otherwise be asked for until the deadline.
 */
const PLAIN = String.raw`(?!.*\.\.)[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]`;
const POINT = String.raw`accesspoint[:\/][a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]`;
/** Of an access point, or one on an outpost; a bucket's own ARN names none. */
const ARN = String.raw`arn:aws[a-z\-]*:s3(?:-object-lambda)?:[a-z0-9\-]*:[0-9]{12}:${POINT}`;
const OUTPOST_ARN = String.raw`arn:aws[a-z\-]*:s3-outposts:[a-z0-9\-]+:[0-9]{12}:outpost[:\/]op-[a-z0-9]+[:\/]${POINT}`;

export const PLAIN_BUCKET_NAME = new RegExp(`^${PLAIN}$`);
export const BUCKET_NAME = new RegExp(`^(?:${PLAIN}|${ARN}|${OUTPOST_ARN})$`);

/** Ends a sentence that begins with what should be one. */
export const PLAIN_BUCKET_NAME_RULE =
  'must be the name of a bucket as S3 has it: 3 to 63 of a-z 0-9 . -, without s3:// and without a key';
export const BUCKET_NAME_RULE = `${PLAIN_BUCKET_NAME_RULE}, or the ARN of an access point`;
