/** S3's documents as XML, and its errors. */
import type { Answer } from '../http-server.js';

/** The errors that the stand-in knows, with their statuses. */
const STATUS_OF = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  ConditionalRequestConflict: 409,
  EntityTooLarge: 400,
  ExpiredToken: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidObjectState: 403,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidToken: 400,
  InvalidURI: 400,
  'KMS.DisabledException': 400,
  KeyTooLongError: 400,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NotImplemented: 501,
  PermanentRedirect: 301,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3ErrorCode = keyof typeof STATUS_OF;
export const S3_ERROR_CODES = Object.keys(STATUS_OF);

/** A request that S3 refuses. */
export class S3Error extends Error {
  constructor(
    readonly code: S3ErrorCode,
    message: string,
    /** Further elements of the error document. */
    readonly details: Readonly<Record<string, string>> = {},
    /** Told in a header too. */
    readonly bucketRegion?: string,
  ) {
    super(message);
  }
}

/** The error document of a refused request, with its status. */
export function errorAnswer(error: S3Error, resource: string): Answer {
  const fields = { Code: error.code, Message: error.message, ...error.details, Resource: resource };
  const document = `<Error>${elements(fields)}<RequestId>0</RequestId></Error>`;
  const answer = xmlAnswer(STATUS_OF[error.code], document);
  if (error.bucketRegion === undefined) return answer;
  const headers = { ...answer.headers, 'x-amz-bucket-region': error.bucketRegion };
  return { ...answer, headers };
}

export function isErrorCode(name: string | number): name is S3ErrorCode {
  return Object.hasOwn(STATUS_OF, name);
}

export function xmlAnswer(status: number, document: string): Answer {
  const headers = { 'content-type': 'application/xml' };
  return { status, headers, body: `<?xml version="1.0" encoding="UTF-8"?>\n${document}` };
}

/** An element for each field that has a value. */
export function elements(fields: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(fields)
    .map(([name, text]) => (text === undefined ? '' : `<${name}>${escapeText(text)}</${name}>`))
    .join('');
}

/** Keys may hold what XML text may not; carriage returns and the like go as references. */
function escapeText(text: string): string {
  return text.replace(/[&<>"'\p{Cc}]/gu, (character) => `&#${character.codePointAt(0)};`);
}
