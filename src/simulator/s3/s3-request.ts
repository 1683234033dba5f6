/** Which bucket, key and operation a request means, in path style and in virtual-host style. */
import type { IncomingMessage } from 'node:http';
import type { SignedRequest } from './canonical-request.js';
import { S3Error } from './s3-xml.js';

/** The operations of the stand-in, as counters and fault rules name them. */
export type S3Operation =
  | 'put'
  | 'get'
  | 'head'
  | 'delete'
  | 'list'
  | 'head-bucket'
  | 'create-bucket'
  | 'other';

export interface S3Target {
  operation: S3Operation;
  bucket: string;
  /** Empty for operations on buckets. */
  key: string;
}

/** Parameters that mean another operation than the plain one: versions, uploads in parts, tags. */
const SUBRESOURCES = ['acl', 'partNumber', 'tagging', 'uploadId', 'uploads', 'versionId'];

/** The request as signed: raw path, decoded query. Throws S3Error on broken percent-encoding. */
export function parseRequest(
  request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
): SignedRequest {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const pairs = mark < 0 ? [] : url.slice(mark + 1).split('&');
  try {
    decodeURIComponent(path);
    return {
      method: request.method ?? 'GET',
      path,
      query: pairs.filter((pair) => pair !== '').map(parsePair),
      headers: request.headers,
    };
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.");
  }
}

function parsePair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  const decode = (text: string) => decodeURIComponent(text.replaceAll('+', '%20'));
  return equals < 0
    ? [decode(pair), '']
    : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
}

/**
 * Resolves bucket, key and operation. `baseHost` is the name under which buckets are hosts:
 * `<bucket>.<baseHost>` and `<bucket>.s3.<baseHost>`; any other host means path style.
 */
export function targetOf(request: SignedRequest, baseHost: string): S3Target {
  const hosted = bucketOfHost(request.headers.host ?? '', baseHost);
  const rest = request.path.slice(1);
  const slash = rest.indexOf('/');
  const bucket = hosted ?? decodeURIComponent(slash < 0 ? rest : rest.slice(0, slash));
  const rawKey = hosted === undefined ? (slash < 0 ? '' : rest.slice(slash + 1)) : rest;
  const key = decodeURIComponent(rawKey);
  return { bucket, key, operation: operationOf(request, bucket, key) };
}

function bucketOfHost(host: string, baseHost: string): string | undefined {
  const name = host.replace(/:\d+$/, '');
  if (name === `s3.${baseHost}`) return undefined;
  for (const suffix of [`.s3.${baseHost}`, `.${baseHost}`]) {
    if (name.endsWith(suffix)) return name.slice(0, -suffix.length);
  }
  return undefined;
}

function operationOf(request: SignedRequest, bucket: string, key: string): S3Operation {
  const names = new Set(request.query.map(([name]) => name));
  if (bucket === '' || SUBRESOURCES.some((name) => names.has(name))) return 'other';
  const { method, headers } = request;
  if (key === '') {
    if (method === 'HEAD') return 'head-bucket';
    if (method === 'PUT') return 'create-bucket';
    return method === 'GET' && names.has('list-type') ? 'list' : 'other';
  }
  if (method === 'PUT') return 'x-amz-copy-source' in headers ? 'other' : 'put';
  if (method === 'GET') return 'get';
  if (method === 'HEAD') return 'head';
  return method === 'DELETE' ? 'delete' : 'other';
}
