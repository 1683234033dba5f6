/** What to do about what S3 says, for the commands that ask it through the SDK. */
import { TroubleError } from '../errors.js';

const REGION = 'set AWS_REGION to the region of the bucket';
const CREDENTIALS = 'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role';

const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: 'create the bucket, or correct its name',
  NotFound: 'create the bucket, or correct its name',
  PermanentRedirect: REGION,
  AuthorizationHeaderMalformed: REGION,
  IllegalLocationConstraintException: REGION,
  InvalidAccessKeyId: CREDENTIALS,
  SignatureDoesNotMatch: CREDENTIALS,
  InvalidToken: CREDENTIALS,
  ExpiredToken: CREDENTIALS,
  CredentialsProviderError: 'set AWS credentials as the AWS SDK reads them',
  RequestTimeTooSkewed: 'set the clock of this host',
  AccessDenied: 'the role needs s3:ListBucket on the bucket',
  Forbidden: 'the role needs s3:ListBucket on the bucket',
};

/** What the SDK threw, as an error that says what to do. */
export function s3Trouble(what: string, error: unknown): TroubleError {
  const name = error instanceof Error ? error.name : 'unknown error';
  const code: unknown = Reflect.get(Object(error), 'code');
  const shown = typeof code === 'string' ? code : name;
  const isRegion = error instanceof Error && error.message === 'Region is missing';
  const advice = isRegion ? 'set AWS_REGION' : ADVICE[name];
  return new TroubleError('STORAGE', `${what}: ${shown}${advice ? `; ${advice}` : ''}`, {
    cause: error,
  });
}
