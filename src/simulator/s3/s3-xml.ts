/** S3's documents: errors and listings, as XML. */
import type { Answer } from '../http-server.js';

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** The errors that the stand-in knows, with their statuses. */
const STATUS_OF = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  EntityTooLarge: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidToken: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NotImplemented: 501,
  RequestTimeTooSkewed: 403,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3ErrorCode = keyof typeof STATUS_OF;

/** A request that S3 refuses. */
export class S3Error extends Error {
  constructor(
    readonly code: S3ErrorCode,
    message: string,
    /** Further elements of the error document. */
    readonly details: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** The error document of a refused request, with its status. */
export function errorAnswer(error: S3Error, resource: string): Answer {
  const fields = { Code: error.code, Message: error.message, ...error.details, Resource: resource };
  return {
    status: STATUS_OF[error.code],
    headers: { 'content-type': 'application/xml' },
    body: `${DECLARATION}<Error>${elements(fields)}<RequestId>0</RequestId></Error>`,
  };
}

export interface ListedObject {
  key: string;
  size: number;
  etag: string;
  lastModified: number;
}

/** One page of ListObjectsV2, before it is written down. */
export interface ListPage {
  bucket: string;
  prefix: string;
  delimiter: string | undefined;
  maxKeys: number;
  urlEncoded: boolean;
  continuationToken: string | undefined;
  nextContinuationToken: string | undefined;
  contents: readonly ListedObject[];
  commonPrefixes: readonly string[];
}

export function listAnswer(page: ListPage): Answer {
  const name = (text: string) => (page.urlEncoded ? encodeName(text) : text);
  const truncated = page.nextContinuationToken !== undefined;
  const fields: Record<string, string> = {
    Name: page.bucket,
    Prefix: name(page.prefix),
    KeyCount: String(page.contents.length + page.commonPrefixes.length),
    MaxKeys: String(page.maxKeys),
    IsTruncated: String(truncated),
  };
  if (page.delimiter !== undefined) fields.Delimiter = name(page.delimiter);
  if (page.urlEncoded) fields.EncodingType = 'url';
  if (page.continuationToken !== undefined) fields.ContinuationToken = page.continuationToken;
  if (page.nextContinuationToken !== undefined) {
    fields.NextContinuationToken = page.nextContinuationToken;
  }
  const contents = page.contents.map(
    ({ key, size, etag, lastModified }) =>
      `<Contents>${elements({
        Key: name(key),
        LastModified: new Date(lastModified).toISOString(),
        ETag: etag,
        Size: String(size),
        StorageClass: 'STANDARD',
      })}</Contents>`,
  );
  const prefixes = page.commonPrefixes.map(
    (prefix) => `<CommonPrefixes>${elements({ Prefix: name(prefix) })}</CommonPrefixes>`,
  );
  const inner = [elements(fields), ...contents, ...prefixes].join('');
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `${DECLARATION}<ListBucketResult xmlns="${NAMESPACE}">${inner}</ListBucketResult>`,
  };
}

/** `encoding-type=url`: percent-encoded, slashes kept. */
function encodeName(text: string): string {
  return encodeURIComponent(text).replaceAll('%2F', '/');
}

function elements(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `<${name}>${escapeText(value)}</${name}>`)
    .join('');
}

/** Keys may hold what XML text may not; carriage returns and the like go as references. */
function escapeText(text: string): string {
  return text.replace(/[&<>"'\p{Cc}]/gu, (character) => `&#${character.codePointAt(0)};`);
}
