/** What S3 (or the way to it) said no to, as an error that tells an operator what to do. */
import { TransientError } from '../errors.js';
import { describeObject, type ObjectReference } from './object-reference.js';
import type { S3Method } from './signer.js';

const REGION = 'set AWS_REGION to the region of the bucket';
const CREDENTIALS = 'check the AWS credentials';

/** S3's own error codes, where the code says more than the status. */
const ADVICE_BY_CODE: ReadonlyMap<string | null, string> = new Map([
  ['NoSuchBucket', 'create the bucket, or correct its name'],
  ['PermanentRedirect', REGION],
  ['AuthorizationHeaderMalformed', REGION],
  ['AuthorizationQueryParametersError', REGION],
  ['IllegalLocationConstraintException', REGION],
  ['RequestTimeTooSkewed', 'set the clock of this host'],
  ['InvalidAccessKeyId', CREDENTIALS],
  ['SignatureDoesNotMatch', CREDENTIALS],
  ['InvalidToken', CREDENTIALS],
  ['ExpiredToken', CREDENTIALS],
]);

const FORBIDDEN: Readonly<Record<S3Method, string>> = {
  HEAD: 'the role needs s3:GetObject there; without s3:ListBucket on the bucket S3 answers 403 for an absent object too',
  GET: 'the role needs s3:GetObject there, and s3:ListBucket on the bucket to tell an absent object',
  PUT: 'the role needs s3:PutObject there',
};

/** Of the SDK, before anything is sent. */
const ADVICE_BY_NAME: ReadonlyMap<string, string> = new Map([
  ['CredentialsProviderError', 'set AWS credentials as the AWS SDK reads them'],
  ['InvalidBucketName', 'correct the name of the bucket'],
]);
/** The SDK gives this one no name. */
const NO_REGION = 'Region is missing';

function storageError(
  method: S3Method,
  object: ObjectReference,
  what: string,
  advice: string | undefined,
  cause?: unknown,
): TransientError {
  const hint = advice === undefined ? '' : `; ${advice}`;
  return new TransientError('STORAGE', `${method} ${describeObject(object)}: ${what}${hint}`, {
    cause,
  });
}

/**
 * S3 answered, but not with what was asked for.
 * @param code `<Code>` of S3's error document; null when there is none (HEAD has no body)
 */
export function responseError(
  method: S3Method,
  object: ObjectReference,
  status: number,
  code: string | null,
): TransientError {
  const advice = ADVICE_BY_CODE.get(code) ?? adviceByStatus(method, status);
  const name = code === null ? '' : ` ${code}`;
  return storageError(method, object, `S3 answered ${status}${name}`, advice);
}

function adviceByStatus(method: S3Method, status: number): string | undefined {
  if (status === 403) return FORBIDDEN[method];
  return status === 301 || status === 307 ? REGION : undefined;
}

/** The request could not be signed: nothing was sent. */
export function signingError(
  method: S3Method,
  object: ObjectReference,
  error: unknown,
): TransientError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const advice = message === NO_REGION ? 'set AWS_REGION' : ADVICE_BY_NAME.get(name);
  return storageError(method, object, `the request could not be signed (${name})`, advice, error);
}

/** No response, or half of one: refused, reset, timed out. */
export function networkError(
  method: S3Method,
  object: ObjectReference,
  error: unknown,
): TransientError {
  return storageError(method, object, `no response from S3 (${nameOf(error)})`, undefined, error);
}

/** Node's and undici's codes say more than names, and unlike messages hold no address. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
