/** All that atlas-batch does in S3: checks and pre-signs documents, stores and reads results. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { AbortError } from 'p-retry';
import type { Proxies } from '../http/proxy.js';
import type { Logger } from '../logging.js';
import { toResultBody } from './result-body.js';
import { createS3Http, readBody } from './s3-http.js';
import { sdkHandler } from './sdk-handler.js';
import { type CredentialsInUse, createSigner, type ObjectReference } from './signer.js';
import { responseError, signingError } from './storage-errors.js';

/**
 * Every method rejects with a `TransientError` `STORAGE` when S3 fails (403, 5xx, network, time-out,
 * no credentials), and with the signal's reason when that is aborted.
 */
export interface ObjectStore {
  /**
   * HEADs every object. Resolves to the positions of those that are not there, ascending. After the
   * first error no further HEAD is sent, and those that are under way are ignored.
   */
  findMissing(objects: readonly ObjectReference[], signal?: AbortSignal): Promise<number[]>;
  /** Pre-signed GET URLs that live for `presignExpiresSeconds`. Secrets: never log them. */
  presign(objects: readonly ObjectReference[]): Promise<string[]>;
  /**
   * Stores a results object, if its condition holds or the store knows no conditions. The parts are
   * walked several times.
   */
  putResult(key: string, parts: Iterable<string>, options?: PutOptions): Promise<PutReply>;
  /** The condition under which what is there now may be replaced. */
  conditionOf(key: string, signal?: AbortSignal): Promise<PutCondition>;
  /** The bytes of a results object, to be read to the end or left by `break`. Null when absent. */
  getResult(key: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>;
  readonly resultsBucket: string;
  /** Ends connections and requests in flight. May be called twice. */
  close(): void;
}

/** `absent`: there is no object. `match`: it is this one. `none`: nobody can say. */
export type PutCondition = { kind: 'absent' } | { kind: 'match'; etag: string } | { kind: 'none' };

export interface PutOptions {
  /** Default: what is there is replaced. */
  condition?: PutCondition;
  /** Asked right before a request goes out. When it is false, nothing does. */
  mayBegin?: () => boolean;
  signal?: AbortSignal;
}

/** `changed`: the condition does not hold. */
export type PutReply = 'stored' | 'changed' | 'too-late';

export interface ObjectStoreOptions {
  resultsBucket: string;
  /** Life of the URLs that Atlas fetches, at most a week. */
  presignExpiresSeconds: number;
  /** Bucket in the path, not in the host name. */
  forcePathStyle: boolean;
  /** Connections per S3 host. */
  connections: number;
  /** To connect, to the first byte of a response, between two pieces of it. */
  timeoutMs?: number;
  /** Default: S3 is reached directly. */
  proxies?: Proxies | undefined;
  logger: Pick<Logger, 'warn'>;
  /** Region, credentials and endpoint, which otherwise come from AWS's own variables. */
  clientConfig?: S3ClientConfig;
}

class TooLateError extends Error {
  override name = 'TooLateError';
}

const ALWAYS: PutCondition = { kind: 'none' };

function headersOf(condition: PutCondition): Record<string, string> {
  if (condition.kind === 'none') return {};
  return condition.kind === 'absent' ? { 'if-none-match': '*' } : { 'if-match': condition.etag };
}

/** S3 answers within a second. A store that takes longer than this is down. */
const DEFAULT_TIMEOUT_MS = 10_000;
/**
 * HEADs in flight per call. A hundred documents take a few round trips, and a batch of ten thousand
 * leaves connections for others.
 */
const HEAD_CONCURRENCY = 16;

export function createObjectStore(options: ObjectStoreOptions): ObjectStore {
  const { resultsBucket, presignExpiresSeconds, forcePathStyle, connections, logger } = options;
  const client = new S3Client({
    forcePathStyle,
    // Many stores other than AWS do not know the checksums that the SDK adds by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...sdkHandler(options.proxies),
    ...options.clientConfig,
  });
  const uploadSigner = createSigner(client, { onCredentials: createExpiryWarning(logger) });
  const http = createS3Http({
    signer: createSigner(client),
    connections,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    proxies: options.proxies,
  });

  let knowsConditions = true;

  return {
    resultsBucket,
    async findMissing(objects, signal) {
      signal?.throwIfAborted();
      const limit = pLimit(HEAD_CONCURRENCY);
      try {
        const found = await limit.map(objects, (object) => http.head(object, signal));
        return found.flatMap((isThere, position) => (isThere ? [] : [position]));
      } catch (error) {
        limit.clearQueue();
        throw error;
      }
    },
    async presign(objects) {
      const urls: string[] = [];
      for (const object of objects) {
        try {
          const { origin, path } = await uploadSigner.sign('GET', object, presignExpiresSeconds);
          urls.push(origin + path);
        } catch (error) {
          throw signingError('GET', object, error);
        }
      }
      return urls;
    },
    async putResult(key, parts, { condition = ALWAYS, mayBegin, signal } = {}) {
      const object = { bucket: resultsBucket, key };
      const { byteLength, contentMd5, open } = toResultBody(parts);
      const headers = {
        'content-type': 'application/json',
        'content-length': String(byteLength),
        ...(contentMd5 === null ? {} : { 'content-md5': contentMd5 }),
      };
      const openBody = () => {
        if (mayBegin?.() === false) throw new AbortError(new TooLateError());
        return open();
      };
      const put = (more: Record<string, string>) =>
        http.put(object, { headers: { ...headers, ...more }, openBody }, signal).catch((error) => {
          if (error instanceof TooLateError) return 'too-late' as const;
          throw error;
        });
      if (knowsConditions) {
        const reply = await put(headersOf(condition));
        if (reply !== 'no-conditions') return reply;
        knowsConditions = false;
        logger.warn(
          { bucket: resultsBucket },
          'the store of results knows no conditional writes: a worker that stood still for longer than its lock lives may replace a result that another one stored',
        );
      }
      const reply = await put({});
      if (reply === 'no-conditions') throw responseError('PUT', object, 501, 'NotImplemented');
      return reply;
    },
    async conditionOf(key, signal) {
      const etag = await http.etag({ bucket: resultsBucket, key }, signal);
      if (etag === null) return { kind: 'absent' };
      return etag === '' ? ALWAYS : { kind: 'match', etag };
    },
    async getResult(key, signal) {
      const object = { bucket: resultsBucket, key };
      const response = await http.get(object, signal);
      return response === null ? null : readBody(response, object, signal);
    },
    close() {
      http.close();
      client.destroy();
    },
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
