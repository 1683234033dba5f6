/** What S3 (or the way to it) said no to, as an error that tells an operator what to do. */
import { errorName, OwnFaultError, TransientError } from '../errors.js';
import { PROXY_LOGIN, proxyAdvice } from '../http/proxy.js';
import { escapeControls } from '../jobs/request/validation-issues.js';
import type { ObjectReference, S3Method, S3Response } from './s3-request.js';

const BUCKET = 'create the bucket, or correct its name';
const BUCKET_NAME = 'correct the name of the bucket';
const REGION = 'set AWS_REGION to the region of the bucket';
const CREDENTIALS = 'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role';
const NO_CREDENTIALS = 'set AWS credentials as the AWS SDK reads them';
const NO_REGION = 'set AWS_REGION to a name such as eu-central-1';
const NO_URL = 'set AWS_ENDPOINT_URL_S3 to a URL such as https://s3.example.com';
const NO_FILE = 'a file is not there that AWS_WEB_IDENTITY_TOKEN_FILE or a profile of AWS names';
const CLOCK = 'set the clock of this host';
const ARCHIVED = 'restore the object from its archive';
const KMS_KEY = 'enable the KMS key, or correct its name (that of results is RESULTS_KMS_KEY_ID)';
const ARN =
  'correct the ARN of the access point; it goes with AWS_REGION, without AWS_ENDPOINT_URL_S3 and S3_FORCE_PATH_STYLE';

/** By S3's own error code, or the name of an error of the SDK. */
const ADVICE: ReadonlyMap<string | null, string> = new Map([
  ['NoSuchBucket', BUCKET],
  // What the SDK makes of a 404 without a body.
  ['NotFound', BUCKET],
  ['InvalidObjectState', ARCHIVED],
  ['InvalidBucketName', BUCKET_NAME],
  ['PermanentRedirect', REGION],
  ['AuthorizationHeaderMalformed', REGION],
  ['AuthorizationQueryParametersError', REGION],
  ['IllegalLocationConstraintException', REGION],
  ['RequestTimeTooSkewed', CLOCK],
  ['InvalidAccessKeyId', CREDENTIALS],
  ['SignatureDoesNotMatch', CREDENTIALS],
  ['InvalidToken', CREDENTIALS],
  ['InvalidSecurity', CREDENTIALS],
  ['ExpiredToken', CREDENTIALS],
  ['RequestExpired', CLOCK],
  ['TokenRefreshRequired', CREDENTIALS],
  ['CredentialsProviderError', NO_CREDENTIALS],
  // What Node and undici call it: no header carries such a key, no file of credentials has that name.
  ['UND_ERR_INVALID_ARG', CREDENTIALS],
  ['ENOENT', NO_FILE],
  ['ERR_INVALID_URL', NO_URL],
]);

const REACH = 'correct AWS_ENDPOINT_URL_S3, or let this host reach S3';
/** Of failures of the network, where the code says more than that nobody answers. */
const NETWORK_ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /^(ENOTFOUND|EAI_AGAIN)$/,
    'correct AWS_ENDPOINT_URL_S3, AWS_REGION or S3_FORCE_PATH_STYLE: no such host is known',
  ],
  [
    /SSL|TLS|CERT|SIGNATURE/,
    'correct AWS_ENDPOINT_URL_S3: no TLS is spoken there, or its certificate is not trusted (NODE_EXTRA_CA_CERTS)',
  ],
  // Nobody was reached, or somebody who cuts the connection: it passes, or the address is another server's.
  [/^(E[A-Z]+|UND_ERR_\w+)$/, REACH],
];
const NOT_S3 = 'correct AWS_ENDPOINT_URL_S3: what is there does not answer as S3 does';

const PERMISSIONS: Readonly<Record<S3Method, string>> = {
  HEAD: 's3:GetObject there; without s3:ListBucket on the bucket S3 answers 403 for an absent object too',
  GET: 's3:GetObject there, kms:Decrypt where a KMS key encrypts it, and s3:ListBucket on the bucket to tell an absent object',
  PUT: 's3:PutObject there; a policy of the bucket may want RESULTS_SSE or RESULTS_KMS_KEY_ID',
  DELETE: 's3:DeleteObject there',
};

const FORBIDDEN = /^(AccessDenied|Forbidden|403)$/;

/** For people: `GET s3://bucket/key`, safe to print. */
function describeRequest(method: S3Method, { bucket, key }: ObjectReference): string {
  return `${method} ${escapeControls(`s3://${bucket}/${key}`)}`;
}

function adviceFor(error: unknown): string | undefined {
  const { name, message } = error instanceof Error ? error : new Error();
  // The SDK gives these errors no name.
  if (/^Region (is missing|not accepted)/.test(message)) return NO_REGION;
  return ADVICE.get(name) ?? adviceByCode(errorName(error));
}

function adviceByCode(code: string): string | undefined {
  const byNetwork = NETWORK_ADVICE.find(([pattern]) => pattern.test(code))?.[1];
  return ADVICE.get(code) ?? proxyAdvice(code) ?? byNetwork;
}

/** What this process is configured with is wrong: another one may do better with the same object. */
const OF_THIS_PROCESS: ReadonlySet<string | undefined> = new Set([
  CREDENTIALS,
  NO_CREDENTIALS,
  NO_REGION,
  NO_URL,
  NO_FILE,
  CLOCK,
  NOT_S3,
  PROXY_LOGIN,
]);

/** The same of results, whose bucket, key of encryption and role are those of this process whatever the batch is. */
const OF_RESULTS: ReadonlySet<string | undefined> = new Set([
  BUCKET,
  BUCKET_NAME,
  REGION,
  KMS_KEY,
  permissionAdvice('PUT'),
]);

/** S3 took the credentials, and not what the role asked for. */
export class AccessDeniedError extends TransientError {}

function permissionAdvice(method: S3Method): string {
  return `the role needs ${PERMISSIONS[method]}`;
}

function storageError(
  what: string,
  {
    advice,
    isOwn = false,
    cause,
  }: { advice: string | undefined; isOwn?: boolean; cause?: unknown },
): TransientError {
  const Kind = isOwn || OF_THIS_PROCESS.has(advice) ? OwnFaultError : TransientError;
  const hint = advice === undefined ? '' : `; ${advice}`;
  return new Kind('STORAGE', `${what}${hint}`, { cause });
}

/** S3 answered, but not with what was asked for. */
export function responseError(
  method: S3Method,
  object: ObjectReference,
  response: Pick<S3Response, 'status' | 'code'>,
): TransientError {
  const { what, advice } = describeResponse(method, object, response);
  if (advice === permissionAdvice(method))
    return new AccessDeniedError('STORAGE', `${what}; ${advice}`);
  return storageError(what, { advice });
}

/**
 * S3 did not take a result.
 * @param storesOthers Whether this process has stored others lately: then its configuration is not what is wrong.
 */
export function resultError(
  object: ObjectReference,
  response: Pick<S3Response, 'status' | 'code'>,
  { storesOthers }: { storesOthers: boolean },
): TransientError {
  const { what, advice } = describeResponse('PUT', object, response);
  return storageError(what, { advice, isOwn: !storesOthers && OF_RESULTS.has(advice) });
}

function describeResponse(
  method: S3Method,
  object: ObjectReference,
  { status, code }: Pick<S3Response, 'status' | 'code'>,
): { what: string; advice: string | undefined } {
  const name = code === null ? '' : ` ${code}`;
  const what = `${describeRequest(method, object)}: S3 answered ${status}${name}`;
  const known = adviceByKms(code) ?? ADVICE.get(code);
  const byStatus = status === 403 ? permissionAdvice(method) : adviceByStatus(status);
  return { what, advice: known ?? byStatus ?? adviceWithoutCode(method, status, code) };
}

/** The role may not read this object, for all that is known now. */
export function deniedError(object: ObjectReference): TransientError {
  return responseError('GET', object, { status: 403, code: 'AccessDenied' });
}

function adviceByKms(code: string | null): string | undefined {
  return code?.startsWith('KMS.') ? KMS_KEY : undefined;
}

function adviceByStatus(status: number): string | undefined {
  return status === 301 || status === 307 ? REGION : undefined;
}

/** S3 names what it refuses, but in the response to HEAD, which has no body. */
function adviceWithoutCode(
  method: S3Method,
  status: number,
  code: string | null,
): string | undefined {
  // A success is an error only where its body is none of S3's.
  const isOdd = status < 500 && status !== 429;
  return code === null && method !== 'HEAD' && isOdd ? NOT_S3 : undefined;
}

/**
 * The request could not be signed: nothing was sent. The object has no part in that. Credentials and region
 * are those of this process, whoever refused them: the SDK, a file, STS, the metadata of the host.
 */
export function signingError(
  method: S3Method,
  object: ObjectReference,
  error: unknown,
): OwnFaultError {
  const what = `${describeRequest(method, object)}: the request could not be signed (${errorName(error)})`;
  const known = adviceFor(error);
  // The SDK's errors of an ARN have no name of their own, or that of the URL that it would make.
  const isOfArn = object.bucket.startsWith('arn:') && (known === undefined || known === NO_URL);
  const advice = isOfArn ? ARN : (known ?? CREDENTIALS);
  return new OwnFaultError('STORAGE', `${what}; ${advice}`, { cause: error });
}

/**
 * There was no response, or half of one: refused, reset, timed out.
 * @param code Node's or undici's. It says more than a name, and unlike a message it holds no address.
 */
export function networkError(
  method: S3Method,
  object: ObjectReference,
  code: string,
): TransientError {
  const what = `${describeRequest(method, object)}: no response from S3 (${code})`;
  return storageError(what, { advice: adviceByCode(code) });
}

/**
 * What the SDK threw at a command of the CLI.
 * @param permission What the role lacks where S3 says no.
 */
export function sdkError(what: string, error: unknown, permission: string): TransientError {
  const forbidden = error instanceof Error && FORBIDDEN.test(error.name);
  const advice = forbidden ? `the role needs ${permission}` : adviceFor(error);
  return storageError(`${what}: ${errorName(error)}`, { advice, cause: error });
}
