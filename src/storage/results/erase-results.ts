/** Removes result objects for good: every version of them, and the marks of earlier deletions. */
import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  paginateListObjectsV2,
  type S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { TransientError } from '../../errors.js';
import type { Proxies } from '../../http/proxy.js';
import { regionNamedBy } from '../bucket-regions.js';
import { SdkClients } from '../sdk-clients.js';
import { sdkHandler } from '../sdk-handler.js';
import { sdkError } from '../storage-errors.js';
import { parseResultUri } from './results-key.js';

/** How S3 is reached. What is not set comes from AWS's own variables. */
export interface EraserOptions {
  forcePathStyle?: boolean | undefined;
  proxies?: Proxies | undefined;
  clientConfig?: S3ClientConfig | undefined;
}

/** Which keys are meant. */
export type KeyFilter = (key: string) => boolean;

export interface ResultsEraser {
  /** Versions of all objects below an `s3://` URI that ends with a slash. */
  count(folder: string): Promise<number>;
  /**
   * Removes them, and lists once more to be sure. Returns how many versions there were.
   * @param choose Asked after each list which keys of it are meant.
   * @throws TransientError `STORAGE` that says what S3 refused.
   */
  erase(folder: string, choose: () => Promise<KeyFilter>): Promise<number>;
  /** The same for objects whose key begins like this and is meant. */
  eraseObjects(bucket: string, prefix: string, isMeant: KeyFilter): Promise<number>;
  close(): void;
}

/** Deletions under way at once. A batch has few objects. */
const DELETED_AT_ONCE = 8;
/** A worker that was paused may store a result meanwhile. */
const MAX_PASSES = 5;
/** What S3 has to allow. */
const TO_LIST = 's3:ListBucketVersions on the bucket';
const TO_DELETE = 's3:DeleteObjectVersion on the results';

interface Version {
  Key?: string | undefined;
  VersionId?: string | undefined;
}

export function createResultsEraser(options: EraserOptions): ResultsEraser {
  const { forcePathStyle = false, proxies, clientConfig } = options;
  const clients = new SdkClients({
    forcePathStyle,
    // Many stores other than AWS do not know the checksums that the SDK adds by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...sdkHandler(proxies),
    ...clientConfig,
  });

  async function inRegion<T>(act: (client: S3Client) => Promise<T>): Promise<T> {
    return act(clients.of()).catch((error) => {
      const region = regionNamedBy(error);
      if (region === undefined) throw error;
      return act(clients.of(region));
    });
  }

  async function list({ bucket, prefix, isMeant }: Objects): Promise<Version[]> {
    try {
      return await inRegion(async (client) => {
        const found: Version[] = [];
        for await (const page of versionPages(client, bucket, prefix))
          found.push(...page.filter(({ Key = '' }) => isMeant(Key)));
        return found;
      });
    } catch (error) {
      throw sdkError(`cannot list the versions below s3://${bucket}/${prefix}`, error, TO_LIST);
    }
  }

  async function erase(objects: Objects, choose: () => Promise<KeyFilter>): Promise<number> {
    let removed = 0;
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      const listed = await list(objects);
      const isMeant = await choose();
      const versions = listed.filter(({ Key = '' }) => isMeant(Key));
      if (versions.length === 0) return removed;
      await remove(objects.bucket, versions);
      removed += versions.length;
    }
    const { bucket, prefix } = objects;
    throw new TransientError(
      'STORAGE',
      `objects below s3://${bucket}/${prefix} come back: somebody stores results there; try again later`,
    );
  }

  async function remove(bucket: string, versions: readonly Version[]): Promise<void> {
    for (let from = 0; from < versions.length; from += DELETED_AT_ONCE) {
      const part = versions.slice(from, from + DELETED_AT_ONCE);
      await Promise.all(
        part.map(async ({ Key, VersionId }) => {
          const command = new DeleteObjectCommand({ Bucket: bucket, Key, VersionId });
          await inRegion((client) => client.send(command)).catch((error) => {
            throw sdkError(`cannot delete s3://${bucket}/${Key}`, error, TO_DELETE);
          });
        }),
      );
    }
  }

  return {
    count: async (folder) => (await list(allBelow(folder))).length,
    erase: (folder, choose) => erase(allBelow(folder), choose),
    eraseObjects: (bucket, prefix, isMeant) =>
      erase({ bucket, prefix, isMeant }, async () => isMeant),
    close: () => clients.destroy(),
  };
}

interface Objects {
  bucket: string;
  prefix: string;
  isMeant: KeyFilter;
}

function allBelow(folder: string): Objects {
  const { bucket, key: prefix } = parseResultUri(folder);
  return { bucket, prefix, isMeant: () => true };
}

async function* versionPages(
  client: S3Client,
  bucket: string,
  prefix: string,
): AsyncGenerator<Version[], void, undefined> {
  let KeyMarker: string | undefined;
  let VersionIdMarker: string | undefined;
  try {
    do {
      const page = await client.send(
        new ListObjectVersionsCommand({
          Bucket: bucket,
          Prefix: prefix,
          ...(KeyMarker !== undefined && { KeyMarker, VersionIdMarker }),
        }),
      );
      yield [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      KeyMarker = page.IsTruncated ? page.NextKeyMarker : undefined;
      VersionIdMarker = page.NextVersionIdMarker;
    } while (KeyMarker !== undefined);
  } catch (error) {
    if (!(error instanceof Error) || !NO_VERSIONS.test(error.name)) throw error;
    const input = { Bucket: bucket, Prefix: prefix };
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, input))
      yield Contents.map(({ Key }) => ({ Key }));
  }
}

/** Of stores that keep no versions, and do not know the list of them. */
const NO_VERSIONS = /^(NotImplemented|MethodNotAllowed)$/;
