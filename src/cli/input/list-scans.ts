import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import type { Proxies } from '../../http/proxy.js';
import { regionNamedBy } from '../../storage/bucket-regions.js';
import { SdkClients } from '../../storage/sdk-clients.js';
import { sdkHandler } from '../../storage/sdk-handler.js';
import { sdkError } from '../../storage/storage-errors.js';
import type { StoredFile } from './clutter.js';
import type { S3Location } from './plan-batches.js';

/** All objects below a prefix, in the order of S3. @throws TransientError saying what to do. */
export async function listObjects(
  { bucket, prefix }: S3Location,
  { forcePathStyle, proxies }: { forcePathStyle: boolean; proxies: Proxies | undefined },
): Promise<StoredFile[]> {
  const clients = new SdkClients({ forcePathStyle, ...sdkHandler(proxies) });
  const input = { Bucket: bucket, Prefix: prefix };
  try {
    return await list(clients.of(), input).catch((error) => {
      const region = regionNamedBy(error);
      if (region === undefined) throw error;
      return list(clients.of(region), input);
    });
  } catch (error) {
    throw sdkError(`cannot list s3://${bucket}/${prefix}`, error, 's3:ListBucket on the bucket');
  } finally {
    clients.destroy();
  }
}

async function list(
  client: S3Client,
  input: { Bucket: string; Prefix: string },
): Promise<StoredFile[]> {
  const objects: StoredFile[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, input))
    objects.push(...Contents.map(({ Key = '', Size = 0 }) => ({ key: Key, size: Size })));
  return objects;
}
