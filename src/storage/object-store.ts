/** All that atlas-batch does in S3: checks and pre-signs documents, stores and reads results. */
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import type { Proxies } from '../http/proxy.js';
import type { Logger } from '../logging.js';
import { BucketRegions } from './bucket-regions.js';
import { checkAll } from './checks/check-all.js';
import { ObjectCheck } from './checks/check-object.js';
import { DeniedKeys } from './checks/denied-keys.js';
import { ReadableObjects } from './checks/readable-objects.js';
import { type BucketTrial, tryBucket } from './checks/try-bucket.js';
import { isAbsent, type Verdict } from './checks/verdict.js';
import {
  type PutCondition,
  type PutOptions,
  type PutReply,
  ResultWriter,
} from './results/put-result.js';
import { createS3Http, readBody } from './s3-http.js';
import { isSuccess, type ObjectReference } from './s3-request.js';
import { SdkClients } from './sdk-clients.js';
import { sdkHandler } from './sdk-handler.js';
import { type CredentialsInUse, createSigner } from './signer.js';
import { responseError, signingError } from './storage-errors.js';
import { storeName } from './store-name.js';

/**
 * Every method rejects with a `TransientError` `STORAGE` when S3 fails (403, 5xx, network, time-out,
 * no credentials), and with the signal's reason when that is aborted.
 */
export interface ObjectStore {
  /**
   * Finds out of each object whether Atlas can fetch it. After the first error no further object is
   * asked for; `onVerdict` has then been told of those that are known.
   */
  check(
    objects: readonly ObjectReference[],
    onVerdict: (position: number, verdict: Verdict) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * URLs by which Atlas can GET the objects for `presignExpiresSeconds`. Secrets: never log them. A
   * bucket of which nothing was read in the last minute is asked first: credentials that are wrong by
   * now, or another region, would make URLs that nobody can fetch.
   */
  presign(objects: readonly ObjectReference[], signal?: AbortSignal): Promise<string[]>;
  /**
   * Stores a results object, if its condition holds or the store knows no conditions. The parts are
   * walked several times.
   */
  putResult(key: string, parts: Iterable<string>, options?: PutOptions): Promise<PutReply>;
  /** The condition under which what is there now may be replaced. */
  conditionOf(key: string, signal?: AbortSignal): Promise<PutCondition>;
  /** The bytes of a results object, to be read to the end or left by `break`. Null when absent. */
  getResult(key: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>;
  deleteResult(key: string): Promise<void>;
  /** Asks a bucket of documents in our way and in Atlas's. */
  tryBucket(bucket: string): Promise<BucketTrial>;
  /** By bucket, of those of which an object of a job was ever read. */
  readonly bucketsRead: ReadonlyMap<string, unknown>;
  /** Whether this process has found the object readable. False also where that was thousands of objects ago. */
  hasRead(object: ObjectReference): boolean;
  /** What this S3 is called; see {@link storeName}. */
  name(): Promise<string>;
  /** Scheme and host of the URLs that Atlas gets. */
  publicOrigin(bucket: string): Promise<string>;
  /** The region of a bucket, where S3 said that it is another one than the configured. */
  learntRegion(bucket: string): string | undefined;
  readonly resultsBucket: string;
  /** Ends connections and requests in flight. May be called twice. */
  close(): void;
}

export interface ObjectStoreOptions {
  resultsBucket: string;
  /** How S3 is to encrypt results. Default: as the bucket says. */
  encryption?: ResultEncryption | undefined;
  /** Life of the URLs that Atlas fetches, at most a week. */
  presignExpiresSeconds: number;
  /** The store's address in those URLs. Default: as ours. */
  publicEndpoint?: string | undefined;
  /** Bucket in the path, not in the host name. */
  forcePathStyle: boolean;
  /** Connections per S3 host. */
  connections: number;
  /** To connect, to the first byte of a response, between two pieces of it. */
  timeoutMs?: number;
  /** Default: S3 is reached directly. */
  proxies?: Proxies | undefined;
  logger: Pick<Logger, 'warn'>;
  /** Gets the date of each response of S3. */
  onDate?: (date: string) => void;
  /** Region, credentials and endpoint, which otherwise come from AWS's own variables. */
  clientConfig?: S3ClientConfig;
}

export interface ResultEncryption {
  algorithm: 'AES256' | 'aws:kms';
  /** Default: the bucket's, or AWS's own. */
  kmsKeyId?: string | undefined;
}

/** S3 answers within a second. A store that takes longer than this is down. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** Wrong credentials that are noticed this late cost one more round of a batch, at worst. */
const READ_BEFORE_PRESIGN_MS = 60_000;

/** The one URL that we ask ourselves, which a proxy of ours may log. */
const TRIAL_SECONDS = 60;

export function createObjectStore(options: ObjectStoreOptions): ObjectStore {
  const { resultsBucket, presignExpiresSeconds, forcePathStyle, connections, logger } = options;
  const clients = new SdkClients({
    forcePathStyle,
    // Many stores other than AWS do not know the checksums that the SDK adds by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...sdkHandler(options.proxies),
    ...options.clientConfig,
  });
  const regions = new BucketRegions();
  const publicClients = options.publicEndpoint ? clients.at(options.publicEndpoint) : clients;
  const onCredentials = createExpiryWarning(logger);
  const urlSigner = createSigner(publicClients, { regions, onCredentials });
  const signer = createSigner(clients, { regions });
  const http = createS3Http({
    signer,
    regions,
    connections,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    proxies: options.proxies,
    onDate: options.onDate,
  });
  const readable = new ReadableObjects();
  const check = new ObjectCheck(http, readable, new DeniedKeys(), new ReadableObjects());
  const encryption = encryptionHeaders(options.encryption);
  const results = new ResultWriter({ http, bucket: resultsBucket, encryption, logger });

  async function presignOne(
    object: ObjectReference,
    lifeSeconds = presignExpiresSeconds,
  ): Promise<string> {
    try {
      return await urlSigner.presign(object, lifeSeconds);
    } catch (error) {
      throw signingError('GET', object, error);
    }
  }

  return {
    resultsBucket,
    async check(objects, onVerdict, signal) {
      signal?.throwIfAborted();
      await checkAll(objects, (object) => check.verdictOn(object, signal), onVerdict);
    },
    async presign(objects, signal) {
      const asked = new Set<string>();
      const urls: string[] = [];
      for (const object of objects) {
        const { bucket } = object;
        if (!asked.has(bucket)) {
          asked.add(bucket);
          const isKnown = readable.keyIn(bucket, READ_BEFORE_PRESIGN_MS) !== undefined;
          if (!isKnown) await check.verdictOn(object, signal);
        }
        urls.push(await presignOne(object));
      }
      return urls;
    },
    putResult: (key, parts, putOptions) => results.put(key, parts, putOptions),
    conditionOf: (key, signal) => results.conditionOf(key, signal),
    async getResult(key, signal) {
      const object = { bucket: resultsBucket, key };
      const response = await http.open({ method: 'GET', object, signal });
      if (isSuccess(response)) return readBody(response.body, object, signal);
      if (isAbsent(response)) return null;
      throw responseError('GET', object, response);
    },
    async deleteResult(key) {
      const object = { bucket: resultsBucket, key };
      const response = await http.ask({ method: 'DELETE', object });
      if (!isSuccess(response)) throw responseError('DELETE', object, response);
    },
    tryBucket: (bucket) => tryBucket(http, bucket, (object) => presignOne(object, TRIAL_SECONDS)),
    get bucketsRead() {
      return readable.buckets;
    },
    hasRead: (object) => readable.has(object),
    async name() {
      const object = { bucket: resultsBucket, key: 'k' };
      try {
        const { origin } = await signer.sign('HEAD', object);
        return storeName(origin, forcePathStyle ? null : resultsBucket);
      } catch (error) {
        throw signingError('HEAD', object, error);
      }
    },
    async publicOrigin(bucket) {
      return new URL(await presignOne({ bucket, key: 'k' })).origin;
    },
    learntRegion: (bucket) => regions.of(bucket),
    close() {
      http.close();
      clients.destroy();
      if (publicClients !== clients) publicClients.destroy();
    },
  };
}

function encryptionHeaders(encryption: ResultEncryption | undefined): Record<string, string> {
  if (!encryption) return {};
  const { algorithm, kmsKeyId } = encryption;
  return {
    'x-amz-server-side-encryption': algorithm,
    ...(kmsKeyId && { 'x-amz-server-side-encryption-aws-kms-key-id': kmsKeyId }),
  };
}

/**
 * Warns once per set of temporary credentials that ends before the URLs that it signs: a pre-signed
 * URL is invalid from then on. The credentials are not named.
 * @returns A function to call with the credentials in use and the life of the URLs.
 */
export function createExpiryWarning(
  logger: Pick<Logger, 'warn'>,
): (credentials: CredentialsInUse, presignExpiresSeconds: number) => void {
  let warnedOf: string | undefined;
  return ({ accessKeyId, expiration }, presignExpiresSeconds) => {
    if (expiration === undefined || accessKeyId === warnedOf) return;
    if (expiration.getTime() >= Date.now() + presignExpiresSeconds * 1000) return;
    warnedOf = accessKeyId;
    logger.warn(
      { credentialsExpireAt: expiration.toISOString(), presignExpiresSeconds },
      'temporary AWS credentials expire before the URLs that they sign: Atlas cannot fetch a document after that',
    );
  };
}
