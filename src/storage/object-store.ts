/** All that atlas-batch does in S3: checks and pre-signs documents, stores and reads results. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { Logger } from '../logging.js';
import { createExpiryWarning } from './expiry-warning.js';
import { findMissing } from './find-missing.js';
import type { ObjectReference } from './object-reference.js';
import { toResultBody } from './result-body.js';
import { createS3Http, readBody } from './s3-http.js';
import { createSigner } from './signer.js';
import { signingError } from './storage-errors.js';

/**
 * Every method rejects with a `TransientError` `STORAGE` when S3 fails (403, 5xx, network, time-out,
 * no credentials), and with the signal's reason when that is aborted.
 */
export interface ObjectStore {
  /** HEADs every object. Resolves to the indexes of those that are not there, ascending. */
  findMissing(objects: readonly ObjectReference[], signal?: AbortSignal): Promise<number[]>;
  /** Pre-signed GET URLs that live for `presignExpiresSeconds`. Secrets: never log them. */
  presign(objects: readonly ObjectReference[]): Promise<string[]>;
  /** Resolves when the results object is stored. It replaces one under the same key. */
  putResult(key: string, body: Uint8Array | Iterable<string>, signal?: AbortSignal): Promise<void>;
  /** The bytes of a results object, to be read to the end or left by `break`. Null when absent. */
  getResult(key: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>;
  readonly resultsBucket: string;
  /** Ends connections and requests in flight. May be called twice. */
  close(): void;
}

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
  logger: Pick<Logger, 'warn'>;
  /** Region, credentials and endpoint, which otherwise come from AWS's own variables. */
  clientConfig?: S3ClientConfig;
}

/** S3 answers within a second. A store that takes longer than this is down. */
const DEFAULT_TIMEOUT_MS = 10_000;

export function createObjectStore(options: ObjectStoreOptions): ObjectStore {
  const { resultsBucket, presignExpiresSeconds, forcePathStyle, connections, logger } = options;
  const client = new S3Client({
    forcePathStyle,
    // Many stores other than AWS do not know the checksums that the SDK adds by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...options.clientConfig,
  });
  const uploadSigner = createSigner(client, { onCredentials: createExpiryWarning(logger) });
  const http = createS3Http({
    signer: createSigner(client),
    connections,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  });

  return {
    resultsBucket,
    findMissing: (objects, signal) => findMissing(http, objects, signal),
    async presign(objects) {
      const urls: string[] = [];
      for (const object of objects) {
        try {
          const signed = uploadSigner.sign('GET', object, presignExpiresSeconds);
          const { origin, path } = signed instanceof Promise ? await signed : signed;
          urls.push(origin + path);
        } catch (error) {
          throw signingError('GET', object, error);
        }
      }
      return urls;
    },
    async putResult(key, source, signal) {
      const body = toResultBody(source);
      const headers = {
        'content-type': 'application/json',
        'content-length': String(body.byteLength),
        ...(body.contentMd5 === null ? {} : { 'content-md5': body.contentMd5 }),
      };
      await http.put({ bucket: resultsBucket, key }, { headers, openBody: body.open }, signal);
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
