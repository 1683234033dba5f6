/** What to do about what S3 says, for the commands that ask it through the SDK. */
import { TransientError } from '../errors.js';

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
};

const FORBIDDEN = /^(AccessDenied|Forbidden|403)$/;

/**
 * What the SDK threw, as an error that says what to do.
 * @param permission What the role lacks where S3 says no.
 */
export function s3Error(what: string, error: unknown, permission: string): TransientError {
  const name = error instanceof Error ? error.name : 'unknown error';
  const code: unknown = Reflect.get(Object(error), 'code');
  const shown = typeof code === 'string' ? code : name;
  const isRegion = error instanceof Error && error.message === 'Region is missing';
  const advice = isRegion
    ? 'set AWS_REGION'
    : FORBIDDEN.test(name)
      ? `the role needs ${permission}`
      : ADVICE[name];
  return new TransientError('STORAGE', `${what}: ${shown}${advice ? `; ${advice}` : ''}`, {
    cause: error,
  });
}
