/**
 * Signs requests to S3 by their URL.
 *
 * `getSignedUrl` of the SDK resolves the endpoint and builds a middleware stack for every URL, which
 * takes about 900 µs. Here it is called once per bucket and method. Its URL has the scheme, host,
 * path, region and service; each further URL takes one signature. The URLs are those of the SDK: a
 * test compares them for every style of endpoint.
 */
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import {
  encodeRfc3986,
  querySigner,
  type SigningCredentials,
  type SigningScope,
} from './sigv4-query.js';

type Input = { Bucket: string; Key: string };

const COMMANDS = {
  GET: (input: Input) => new GetObjectCommand(input),
  HEAD: (input: Input) => new HeadObjectCommand(input),
  PUT: (input: Input) => new PutObjectCommand(input),
};

export type S3Method = keyof typeof COMMANDS;

/** An object in S3. */
export interface ObjectReference {
  bucket: string;
  key: string;
}

/** A URL in two parts: an HTTP client does not normalise the dots of a path that stands alone. */
export interface SignedUrl {
  origin: string;
  /** Percent-encoded, with the query that holds the signature. */
  path: string;
}

export interface Signer {
  /** Rejects with whatever the SDK throws: no region, no credentials, a malformed name. */
  sign(method: S3Method, object: ObjectReference, expiresSeconds: number): Promise<SignedUrl>;
}

/** What all URLs of one bucket and method have in common. */
interface Endpoint extends SigningScope {
  origin: string;
  /** The path before the key, with the last slash. */
  basePath: string;
}

/** Signs keys of one bucket, within one second and for one life of the URL. */
interface KeySigner {
  second: number;
  expiresSeconds: number;
  sign: (key: string) => SignedUrl;
}

/** What is kept of one bucket and method. */
interface BucketEntry {
  /** Null when only the SDK can sign for it. */
  endpoint: Promise<Endpoint | null>;
  latest?: KeySigner;
}

/** Any plain name: it is cut off again. */
const SAMPLE_KEY = 'k';
/** Other algorithms (access points over several regions) are left to the SDK. */
const SIGV4 = 'AWS4-HMAC-SHA256';
/** Present for directory buckets, whose sessions only the SDK's own stack can open. */
const SESSION_TOKEN = 'X-Amz-S3session-Token';
const SIGNING_PARAMETER = /^X-Amz-/;
/** Names of buckets come from jobs. At this number all entries are dropped. */
const MAX_ENDPOINTS = 1_000;

/** Has an `expiration` only when they are temporary. */
export interface CredentialsInUse {
  accessKeyId: string;
  expiration?: Date;
}

export interface SignerOptions {
  /** Gets the credentials in use and the life of a URL, at least once per second of signing. */
  onCredentials?: (credentials: CredentialsInUse, expiresSeconds: number) => void;
  /** The signing date, for comparison with other signers. */
  now?: () => Date;
}

export function createSigner(client: S3Client, options: SignerOptions = {}): Signer {
  const { onCredentials, now = () => new Date() } = options;
  const endpoints = new Map<string, BucketEntry>();

  function signBySdk(method: S3Method, { bucket, key }: ObjectReference, expiresIn: number) {
    const command = COMMANDS[method]({ Bucket: bucket, Key: key });
    return getSignedUrl(client, command, { expiresIn, signingDate: now() });
  }

  function addEntry(method: S3Method, bucket: string): BucketEntry {
    const name = `${method} ${bucket}`;
    if (endpoints.size >= MAX_ENDPOINTS) endpoints.clear();
    const endpoint = signBySdk(method, { bucket, key: SAMPLE_KEY }, 1).then(endpointOf);
    const entry = { endpoint };
    endpoints.set(name, entry);
    endpoint.catch(() => endpoints.delete(name));
    return entry;
  }

  return {
    async sign(method, object, expiresSeconds) {
      const entry = endpoints.get(`${method} ${object.bucket}`) ?? addEntry(method, object.bucket);
      const { latest } = entry;
      if (latest?.second === secondOf(now()) && latest.expiresSeconds === expiresSeconds) {
        return latest.sign(object.key);
      }
      const endpoint = await entry.endpoint;
      // Asked once per second. The SDK keeps them, and renews temporary ones minutes before their end.
      const credentials = await client.config.credentials();
      onCredentials?.(credentials, expiresSeconds);
      if (endpoint === null) return split(await signBySdk(method, object, expiresSeconds));
      entry.latest = keySigner(method, endpoint, credentials, { date: now(), expiresSeconds });
      return entry.latest.sign(object.key);
    },
  };
}

function keySigner(
  method: S3Method,
  endpoint: Endpoint,
  credentials: SigningCredentials,
  { date, expiresSeconds }: { date: Date; expiresSeconds: number },
): KeySigner {
  const { origin, basePath } = endpoint;
  const queryOf = querySigner(method, endpoint, credentials, { date, expiresSeconds });
  const sign = (key: string) => {
    const path = basePath + key.split('/').map(encodeRfc3986).join('/');
    return { origin, path: `${path}?${queryOf(path)}` };
  };
  return { second: secondOf(date), expiresSeconds, sign };
}

function secondOf(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/** What a URL signed by the SDK tells about its bucket; null when only the SDK can sign for it. */
function endpointOf(signedUrl: string): Endpoint | null {
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

function split(url: string): SignedUrl {
  const { origin } = new URL(url);
  return { origin, path: url.slice(url.indexOf('/', origin.length)) };
}
