import { paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import type { Proxies } from '../http/proxy.js';
import { sdkHandler } from '../storage/sdk-handler.js';
import { sdkError } from '../storage/storage-errors.js';
import type { StoredFile } from './clutter.js';
import type { S3Location } from './plan-batches.js';

/** All objects below a prefix, in the order of S3. @throws TransientError saying what to do. */
export async function listObjects(
  { bucket, prefix }: S3Location,
  { forcePathStyle, proxies }: { forcePathStyle: boolean; proxies: Proxies | undefined },
): Promise<StoredFile[]> {
  const client = new S3Client({ forcePathStyle, ...sdkHandler(proxies) });
  const objects: StoredFile[] = [];
  try {
    const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix });
    for await (const { Contents = [] } of pages)
      objects.push(...Contents.map(({ Key = '', Size = 0 }) => ({ key: Key, size: Size })));
  } catch (error) {
    throw sdkError(`cannot list s3://${bucket}/${prefix}`, error, 's3:ListBucket on the bucket');
  } finally {
    client.destroy();
  }
  return objects;
}
