/** Which bucket, key and operation a request means, in path style and in virtual-host style. */
import type { IncomingMessage } from 'node:http';
import { headerOf, type SignedRequest } from './canonical-request.js';
import { S3Error } from './s3-xml.js';

/** The operations of the stand-in, as counters and fault rules name them. */
export const S3_OPERATIONS = [
  ...(['put', 'get', 'head', 'delete'] as const),
  ...(['list', 'list-versions', 'head-bucket', 'create-bucket', 'other'] as const),
] as const;
export type S3Operation = (typeof S3_OPERATIONS)[number];

export interface S3Target {
  operation: S3Operation;
  bucket: string;
  /** Empty for operations on buckets. */
  key: string;
  /** Which version is meant; undefined for the current one. */
  versionId: string | undefined;
  /** Where the signature stands. */
  signedIn: 'header' | 'query' | 'nowhere';
  /** The region that it is signed for; empty without one. */
  region: string;
  /** What a PUT asks for: `AES256`, `aws:kms`. */
  encryption: string | undefined;
}

/** Parameters that mean another operation than the plain one: uploads in parts, tags. */
const SUBRESOURCES = ['acl', 'partNumber', 'tagging', 'uploadId', 'uploads'];

/** The request as it was signed. Throws S3Error when its percent-encoding is broken. */
export function parseRequest(
  request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
): SignedRequest {
  const [path, query] = cutAt(request.url ?? '/', '?');
  try {
    decodeURIComponent(path);
    return {
      method: request.method ?? 'GET',
      path,
      query: query.split('&').filter(Boolean).map(parsePair),
      headers: request.headers,
    };
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.");
  }
}

function parsePair(pair: string): [string, string] {
  const [name, value] = cutAt(pair.replaceAll('+', '%20'), '=');
  return [decodeURIComponent(name), decodeURIComponent(value)];
}

/** What stands before the first mark, and what after it. Without a mark, all is before it. */
function cutAt(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Resolves bucket, key and operation. `baseHost` is the name under which buckets are hosts:
 * `<bucket>.<baseHost>` and `<bucket>.s3.<baseHost>`; any other host means path style.
 */
export function targetOf(request: SignedRequest, baseHost: string): S3Target {
  const hosted = bucketOfHost(request.headers.host ?? '', baseHost);
  const rest = request.path.slice(1);
  const [first, others] = cutAt(rest, '/');
  const bucket = hosted ?? decodeURIComponent(first);
  const key = decodeURIComponent(hosted === undefined ? others : rest);
  const operation = operationOf(request, bucket, key);
  const encryption = headerOf(request.headers, 'x-amz-server-side-encryption');
  const versionId = request.query.find(([name]) => name === 'versionId')?.[1];
  return { operation, bucket, key, versionId, ...signatureOf(request), encryption };
}

function signatureOf({ query, headers }: SignedRequest): Pick<S3Target, 'signedIn' | 'region'> {
  const inQuery = query.find(([name]) => name === 'X-Amz-Credential')?.[1];
  const credential = inQuery ?? / Credential=([^, ]+)/.exec(headers.authorization ?? '')?.[1];
  if (credential === undefined) return { signedIn: 'nowhere', region: '' };
  const region = credential.split('/').at(-3) ?? '';
  return { signedIn: inQuery === undefined ? 'header' : 'query', region };
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
    if (method === 'GET' && names.has('versions')) return 'list-versions';
    return method === 'GET' && names.has('list-type') ? 'list' : 'other';
  }
  // Only deleting knows versions.
  if (names.has('versionId')) return method === 'DELETE' ? 'delete' : 'other';
  if (method === 'PUT') return 'x-amz-copy-source' in headers ? 'other' : 'put';
  if (method === 'GET') return 'get';
  if (method === 'HEAD') return 'head';
  return method === 'DELETE' ? 'delete' : 'other';
}
