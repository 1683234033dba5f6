/**
 * Signs requests to S3 by their URL.
 *
 * `getSignedUrl` resolves the endpoint and builds a stack of middleware for every URL (about
 * 900 us). Here it is asked once per bucket and method; its answer tells scheme, host, path,
 * region and service. The rest is one signature, many times cheaper than the SDK's own presigner. The URLs are the same: a test compares them for every endpoint style.
 */
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { ObjectReference } from './object-reference.js';
import { encodeRfc3986, querySigner, type SigningCredentials } from './sigv4-query.js';

type Input = { Bucket: string; Key: string };
type Options = { expiresIn: number; signingDate: Date };

const SIGN_BY_SDK = {
  GET: (client: S3Client, input: Input, options: Options) =>
    getSignedUrl(client, new GetObjectCommand(input), options),
  HEAD: (client: S3Client, input: Input, options: Options) =>
    getSignedUrl(client, new HeadObjectCommand(input), options),
  PUT: (client: S3Client, input: Input, options: Options) =>
    getSignedUrl(client, new PutObjectCommand(input), options),
};

export type S3Method = keyof typeof SIGN_BY_SDK;

/** A URL in the two parts that an HTTP client takes without normalising dots in keys. */
export interface SignedUrl {
  origin: string;
  /** Percent-encoded, with the query that holds the signature. */
  path: string;
}

export interface Signer {
  /**
   * The URL itself when a like one was signed in the same second, else a promise: thousands are
   * signed a second. Fails with whatever the SDK throws: no region, no credentials, a malformed
   * name.
   */
  sign(
    method: S3Method,
    object: ObjectReference,
    expiresSeconds: number,
  ): SignedUrl | Promise<SignedUrl>;
}

/** What all URLs of one bucket and method have in common. */
interface Endpoint {
  origin: string;
  host: string;
  /** All before the key, with the last slash. */
  basePath: string;
  /** What the SDK adds for itself, such as `x-id`. */
  query: Record<string, string>;
  region: string;
  service: string;
}

/** Signs for an endpoint, in the second and for the life that it was prepared for. */
interface Prepared {
  second: number;
  expiresSeconds: number;
  sign: (key: string) => SignedUrl;
}

/** Of one bucket and method. */
interface Known {
  /** Null when only the SDK can sign for it. */
  endpoint: Promise<Endpoint | null>;
  latest?: Prepared;
}

/** Any plain name does: it is cut off again. */
const SAMPLE_KEY = 'k';
/** Other algorithms (access points over several regions) are left to the SDK. */
const SIGV4 = 'AWS4-HMAC-SHA256';
/** Present for directory buckets, whose sessions only the SDK's own stack can open. */
const SESSION_TOKEN = 'X-Amz-S3session-Token';
/** Nearly all keys: nothing in them is to be encoded. */
const PLAIN_KEY = /^[A-Za-z0-9._~/-]*$/;
const SIGNING_PARAMETER = /^X-Amz-/;
/** They come from jobs: forget them all rather than keep any number of them. */
const MAX_ENDPOINTS = 1_000;

/** Has an `expiration` only when they are temporary. */
export interface CredentialsInUse {
  accessKeyId: string;
  expiration?: Date;
}

export interface SignerOptions {
  /** Told of the credentials in use and of the life of a URL, at least once in a second of signing. */
  onCredentials?: (credentials: CredentialsInUse, expiresSeconds: number) => void;
  /** The signing date, for comparison with other signers. */
  now?: () => Date;
}

export function createSigner(client: S3Client, options: SignerOptions = {}): Signer {
  const { onCredentials, now = () => new Date() } = options;
  const endpoints = new Map<string, Known>();

  function signBySdk(method: S3Method, { bucket, key }: ObjectReference, expiresIn: number) {
    const options = { expiresIn, signingDate: now() };
    return SIGN_BY_SDK[method](client, { Bucket: bucket, Key: key }, options);
  }

  function learn(method: S3Method, bucket: string): Known {
    const name = `${method} ${bucket}`;
    if (endpoints.size >= MAX_ENDPOINTS) endpoints.clear();
    const endpoint = signBySdk(method, { bucket, key: SAMPLE_KEY }, 1).then(learnEndpoint);
    const known = { endpoint };
    endpoints.set(name, known);
    endpoint.catch(() => endpoints.delete(name));
    return known;
  }

  async function signAnew(
    known: Known,
    method: S3Method,
    object: ObjectReference,
    expiresSeconds: number,
  ): Promise<SignedUrl> {
    const endpoint = await known.endpoint;
    // Asked once a second: the SDK keeps them, and renews temporary ones minutes before their end.
    const credentials = await client.config.credentials();
    onCredentials?.(credentials, expiresSeconds);
    if (endpoint === null) return split(await signBySdk(method, object, expiresSeconds));
    known.latest = prepare(method, endpoint, credentials, { date: now(), expiresSeconds });
    return known.latest.sign(object.key);
  }

  return {
    sign(method, object, expiresSeconds) {
      const known = endpoints.get(`${method} ${object.bucket}`) ?? learn(method, object.bucket);
      const { latest } = known;
      return latest?.second === secondOf(now()) && latest.expiresSeconds === expiresSeconds
        ? latest.sign(object.key)
        : signAnew(known, method, object, expiresSeconds);
    },
  };
}

function prepare(
  method: S3Method,
  endpoint: Endpoint,
  credentials: SigningCredentials,
  { date, expiresSeconds }: { date: Date; expiresSeconds: number },
): Prepared {
  const { origin, basePath } = endpoint;
  const queryOf = querySigner(method, endpoint, credentials, { date, expiresSeconds });
  const sign = (key: string) => {
    const path = basePath + encodeKey(key);
    return { origin, path: `${path}?${queryOf(path)}` };
  };
  return { second: secondOf(date), expiresSeconds, sign };
}

function secondOf(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/** What a URL signed by the SDK tells about its bucket; null when only the SDK can sign for it. */
function learnEndpoint(signedUrl: string): Endpoint | null {
  const { origin, host, pathname, searchParams } = new URL(signedUrl);
  // `<key id>/<day>/<region>/<service>/aws4_request`; a key id may hold slashes.
  const [region, service] = searchParams.get('X-Amz-Credential')?.split('/').slice(-3) ?? [];
  const signableHere =
    searchParams.get('X-Amz-Algorithm') === SIGV4 && !searchParams.has(SESSION_TOKEN);
  if (!signableHere || region === undefined || service === undefined) return null;
  return {
    origin,
    host,
    basePath: pathname.slice(0, -SAMPLE_KEY.length),
    query: Object.fromEntries([...searchParams].filter(([name]) => !SIGNING_PARAMETER.test(name))),
    region,
    service,
  };
}

function encodeKey(key: string): string {
  if (PLAIN_KEY.test(key)) return key;
  return key.split('/').map(encodeRfc3986).join('/');
}

function split(url: string): SignedUrl {
  const { origin } = new URL(url);
  return { origin, path: url.slice(url.indexOf('/', origin.length)) };
}
