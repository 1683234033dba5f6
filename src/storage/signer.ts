/**
 * Signs requests to S3: our own in their headers, so that no log, proxy or trace that keeps URLs has a
 * signature; and the URLs that Atlas fetches, in their query.
 *
 * The SDK resolves the endpoint and builds a stack of middleware for every signature. Here it is asked
 * once per bucket, for scheme, host, path, region and service; each further request takes one
 * signature. Pre-signed URLs are those of the SDK: a test compares them for every style of endpoint.
 */
import { BucketRegions } from './bucket-regions.js';
import type { ObjectReference, S3Method, SignedHeaders, SignedRequest } from './s3-request.js';
import type { SdkClients } from './sdk-clients.js';
import { type Endpoint, findEndpoint, presignBySdk, signBySdk } from './sdk-signing.js';
import { encodeRfc3986, headerSigner, NO_PAYLOAD, querySigner } from './sigv4.js';

/** Methods reject with whatever the SDK throws: no region, no credentials, a malformed name. */
export interface Signer {
  /** A request of our own. */
  sign(method: S3Method, object: ObjectReference, extra?: SignedHeaders): Promise<SignedRequest>;
  /** A URL by which anybody can GET the object. A secret. */
  presign(object: ObjectReference, expiresSeconds: number): Promise<string>;
}

/** Has an `expiration` only when they are temporary. */
export interface CredentialsInUse {
  accessKeyId: string;
  expiration?: Date;
}

export interface SignerOptions {
  /** Where buckets were found; shared by all who ask the same store. */
  regions?: BucketRegions;
  /** Gets the credentials in use and the life of a URL, at least once per second of pre-signing. */
  onCredentials?: (credentials: CredentialsInUse, expiresSeconds: number) => void;
  /** The signing date, for comparison with other signers. */
  now?: () => Date;
}

type SignRequest = (method: S3Method, key: string, extra?: SignedHeaders) => SignedRequest;

/** What is kept of one bucket. The two functions sign within one second. */
interface BucketEntry {
  /** Learnt from S3. Another one later means another endpoint. */
  region: string | undefined;
  /** Null when only the SDK can sign for it. */
  endpoint: Promise<Endpoint | null>;
  requests?: { second: number; sign: SignRequest };
  urls?: { second: number; expiresSeconds: number; sign: (key: string) => string };
}

/** Names of buckets come from jobs. At this number all entries are dropped. */
const MAX_ENDPOINTS = 1_000;

export function createSigner(clients: SdkClients, options: SignerOptions = {}): Signer {
  const { regions = new BucketRegions(), onCredentials, now = () => new Date() } = options;
  const entries = new Map<string, BucketEntry>();

  function entryOf(bucket: string): BucketEntry {
    const region = regions.of(bucket);
    const known = entries.get(bucket);
    if (known && known.region === region) return known;
    if (entries.size >= MAX_ENDPOINTS) entries.clear();
    const entry = { region, endpoint: findEndpoint(clients.of(region), bucket) };
    entries.set(bucket, entry);
    entry.endpoint.catch(() => entries.delete(bucket));
    return entry;
  }

  return {
    async sign(method, object, extra) {
      const entry = entryOf(object.bucket);
      const { requests } = entry;
      if (requests?.second === secondOf(now())) return requests.sign(method, object.key, extra);
      const endpoint = await entry.endpoint;
      const client = clients.of(entry.region);
      if (endpoint === null) {
        const { headers, payloadHash = NO_PAYLOAD } = extra ?? {};
        const signed = { ...headers, 'x-amz-content-sha256': payloadHash };
        return signBySdk(client, method, object, signed);
      }
      // Asked once per second. The SDK keeps them, and renews temporary ones minutes before their end.
      const credentials = await client.config.credentials();
      const date = now();
      const signHeaders = headerSigner(endpoint, credentials, date);
      const { origin, basePath, region } = endpoint;
      const sign: SignRequest = (how, key, what) => {
        const path = basePath + encodeKey(key);
        const headers = signHeaders(how, path, what?.headers, what?.payloadHash);
        return { origin, path, headers, region };
      };
      entry.requests = { second: secondOf(date), sign };
      return sign(method, object.key, extra);
    },
    async presign(object, expiresSeconds) {
      const entry = entryOf(object.bucket);
      const { urls } = entry;
      if (urls?.second === secondOf(now()) && urls.expiresSeconds === expiresSeconds) {
        return urls.sign(object.key);
      }
      const endpoint = await entry.endpoint;
      const client = clients.of(entry.region);
      const credentials = await client.config.credentials();
      onCredentials?.(credentials, expiresSeconds);
      const date = now();
      if (endpoint === null) return presignBySdk(client, object, { date, expiresSeconds });
      const queryOf = querySigner('GET', endpoint, credentials, { date, expiresSeconds });
      const { origin, basePath } = endpoint;
      const sign = (key: string) => {
        const path = basePath + encodeKey(key);
        return `${origin}${path}?${queryOf(path)}`;
      };
      entry.urls = { second: secondOf(date), expiresSeconds, sign };
      return sign(object.key);
    },
  };
}

/** What nearly all keys are: nothing of them has to be quoted. */
const PLAIN_KEY = /^[A-Za-z0-9_.~/-]+$/;

function encodeKey(key: string): string {
  return PLAIN_KEY.test(key) ? key : key.split('/').map(encodeRfc3986).join('/');
}

function secondOf(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
