/** What `submit` is to send: the batches of a manifest, or of what lies in S3. */
import type { BatchInput } from '../../client/enqueue.js';
import { UsageError } from '../../errors.js';
import { isObject } from '../../json.js';
import { reportLeftOut } from '../output/left-out.js';
import { toReference } from '../with-client.js';
import { type StoredFile, whyClutter } from './clutter.js';
import { parseLocation, planBatches } from './plan-batches.js';
import { readManifest } from './read-manifest.js';

export interface BatchSource {
  manifest?: string;
  s3?: string;
  product?: string;
  reference?: string;
  byFolder?: true;
  priority?: string;
  tenant?: string;
}

/**
 * A priority or a tenant that the options name counts for all of the batches.
 * @throws UsageError when the options do not say which batches, or there are none.
 */
export async function readBatches(source: BatchSource): Promise<BatchInput[]> {
  const { priority, tenant } = source;
  const batches = await readNamed(source);
  if (priority === undefined && tenant === undefined) return batches;
  // What is no batch stays what it is, for the check that names what is wrong.
  return batches.map((batch) =>
    isObject(batch)
      ? // The check names what is none, also one that is empty: a shell variable may not have been set.
        ({
          ...batch,
          ...(priority !== undefined && { priority }),
          ...(tenant !== undefined && { tenant }),
        } as BatchInput)
      : batch,
  );
}

async function readNamed(source: BatchSource): Promise<BatchInput[]> {
  const { manifest, s3, product, reference, byFolder } = source;
  if (manifest !== undefined && s3 !== undefined) {
    throw new UsageError('--manifest and --s3 exclude each other; submit one after the other');
  }
  if (manifest !== undefined) {
    if (product !== undefined || reference !== undefined || byFolder) {
      throw new UsageError('--product, --reference and --by-folder go with --s3 only');
    }
    return readManifest(manifest);
  }
  if (s3 === undefined) {
    throw new UsageError('say what to submit: --manifest FILE, or --s3 s3://bucket/prefix/');
  }
  if (reference !== undefined) toReference(reference);
  if (product === undefined) throw new UsageError('--s3 needs --product TYPE');
  const location = parseLocation(s3);
  const keys = withoutClutter(await listObjects(location));
  const batches = planBatches(location, keys, { productType: product, reference, byFolder });
  if (batches.length > 0) return batches;
  throw new UsageError(`there are no documents in s3://${location.bucket}/${location.prefix}`);
}

async function listObjects(location: ReturnType<typeof parseLocation>): Promise<StoredFile[]> {
  const { loadS3Config } = await import('../../config/environment.js');
  const { listObjects } = await import('./list-scans.js');
  const { proxiesOf } = await import('../../config/proxy-fields.js');
  const config = loadS3Config();
  return listObjects(location, {
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    proxies: proxiesOf(config),
  });
}

function withoutClutter(objects: readonly StoredFile[]): string[] {
  const judged = objects.map((object) => ({ key: object.key, why: whyClutter(object) }));
  reportLeftOut(
    judged.flatMap(({ key, why }) =>
      why === undefined || why === 'a folder' ? [] : [{ key, why }],
    ),
  );
  return judged.flatMap(({ key, why }) => (why === undefined ? [key] : []));
}
