/** The canonical form of a request, over which Signature Version 4 is computed. */
import type { IncomingHttpHeaders } from 'node:http';

/** A request as it came in: nothing of it decoded or normalised. */
export interface SignedRequest {
  method: string;
  /** Without the query. */
  path: string;
  /** Decoded pairs in the order of the request. */
  query: readonly (readonly [string, string])[];
  headers: IncomingHttpHeaders;
}

/** What of the request the signature covers. */
export interface Covered {
  signedHeaders: readonly string[];
  /** The pairs of the query, without the signature. */
  query: SignedRequest['query'];
  payloadHash: string;
}

/** S3's variant: the path is encoded once, and neither dots nor double slashes are resolved. */
export function canonicalRequest(request: SignedRequest, covered: Covered): string {
  const path = request.path.split('/').map((segment) => encode(decodeURIComponent(segment)));
  const query = covered.query
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, av], [b, bv]) => compareAscii(a, b) || compareAscii(av, bv))
    .map((pair) => pair.join('='));
  const headers = covered.signedHeaders.map(
    (name) => `${name}:${(headerOf(request.headers, name) ?? '').trim().replace(/ +/g, ' ')}\n`,
  );
  return [
    request.method,
    path.join('/'),
    query.join('&'),
    headers.join(''),
    covered.signedHeaders.join(';'),
    covered.payloadHash,
  ].join('\n');
}

/** Encoded text is ASCII, so that the order of UTF-16 units is the order of bytes. */
function compareAscii(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** RFC 3986: everything but unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** One header's value, repeated ones joined. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
