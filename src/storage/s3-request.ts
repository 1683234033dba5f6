/** What is asked of S3, and what it answers. */
import type { Readable } from 'node:stream';
import type { ResponseHeaders } from '../http/http-result.js';

export type S3Method = 'GET' | 'HEAD' | 'PUT' | 'DELETE';

/** An object in S3. */
export interface ObjectReference {
  bucket: string;
  key: string;
}

/** What a request has besides its method and object; it is signed with it. */
export interface SignedHeaders {
  /** Names in small letters, values without double blanks. */
  headers: Record<string, string>;
  /** SHA-256 of the body, in hex. Default: of no body. */
  payloadHash?: string;
}

export interface S3Request {
  method: S3Method;
  object: ObjectReference;
  /** Signed with the request. */
  extra?: SignedHeaders;
  /** Called once per attempt, because a stream can be read only once. */
  openBody?: () => Uint8Array | Readable;
  /** Stops the request and its retries; the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Origin and path apart: an HTTP client does not normalise the dots of a path that stands alone. */
export interface SignedRequest {
  origin: string;
  /** Percent-encoded. */
  path: string;
  /** All headers to send. A secret. */
  headers: Record<string, string>;
  /** For which it is signed; undefined where only the SDK knows. */
  region: string | undefined;
}

export interface S3Response {
  status: number;
  headers: ResponseHeaders;
  /** `<Code>` of S3's error document. Null when there is none, as in every response to HEAD. */
  code: string | null;
  /** S3 wants the key of whoever stored the object (SSE-C), which nobody else has. */
  wantsKey: boolean;
}

export function headerOf({ headers }: Pick<S3Response, 'headers'>, name: string) {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

export function isSuccess({ status }: { status: number }): boolean {
  return status >= 200 && status < 300;
}
