/** Plans batches from the objects below a prefix. Pure: the same objects give the same batches. */
import { UsageError } from '../errors.js';
import { type BatchRequest, MAX_DOCUMENTS } from '../jobs/request.js';

export interface S3Location {
  bucket: string;
  /** May be empty, and may end within a name. */
  prefix: string;
}

/** @throws UsageError unless it is `s3://bucket` or `s3://bucket/prefix`. */
export function parseLocation(text: string): S3Location {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text) ?? [];
  if (bucket === undefined) throw new UsageError('--s3 must be s3://bucket/prefix/');
  return { bucket, prefix };
}

export interface PlanOptions {
  productType: string;
  /** Default: the last part of the prefix, or the bucket. */
  reference?: string | undefined;
  /** Plans one batch for each folder directly below the prefix, instead of one for all. */
  byFolder?: boolean | undefined;
}

/**
 * Plans one batch of all objects, or one for each folder. The id of a document is its path below the
 * prefix or the folder. More documents than a batch may have become several batches, `-1`, `-2` ….
 * @param keys All keys below the prefix, in the order of S3.
 * @throws UsageError when two folders have the same reference.
 */
export function planBatches(
  { bucket, prefix }: S3Location,
  keys: readonly string[],
  { productType, reference, byFolder }: PlanOptions,
): BatchRequest[] {
  const root = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const name = reference ?? referenceFrom(prefix.split('/').filter(Boolean).at(-1) ?? bucket);
  // Consoles create keys that end with a slash as folders. Such objects are empty.
  const scans = keys.filter((key) => !key.endsWith('/'));
  const groups = new Map<string, string[]>();
  for (const key of scans) {
    const folder = byFolder ? root + folderOf(key.slice(root.length)) : root;
    const group = groups.get(folder);
    if (group) group.push(key);
    else groups.set(folder, [key]);
  }
  const batches = [...groups].flatMap(([folder, members]) => {
    const below = folder.slice(root.length, -1);
    const own = below === '' ? name : reference === undefined ? below : `${reference}-${below}`;
    const documents = members.map((key) => ({ documentId: key.slice(folder.length), bucket, key }));
    return split({ reference: referenceFrom(own), productType, documents });
  });
  refuseSameReferences(batches);
  return batches;
}

function split(batch: BatchRequest): BatchRequest[] {
  const { reference, documents } = batch;
  if (documents.length <= MAX_DOCUMENTS) return [batch];
  const count = Math.ceil(documents.length / MAX_DOCUMENTS);
  return Array.from({ length: count }, (_, i) => ({
    ...batch,
    reference: `${reference}-${i + 1}`,
    documents: documents.slice(i * MAX_DOCUMENTS, (i + 1) * MAX_DOCUMENTS),
  }));
}

/** The first folder of a relative key, with its slash. Empty when it has none. */
function folderOf(relativeKey: string): string {
  return relativeKey.slice(0, relativeKey.indexOf('/') + 1);
}

/** Replaces the characters that a key may have and a reference may not. */
function referenceFrom(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, '-');
}

function refuseSameReferences(batches: readonly BatchRequest[]): void {
  const seen = new Set<string>();
  for (const { reference } of batches) {
    if (seen.has(reference)) {
      throw new UsageError(`two folders come to the reference ${reference}; rename one of them`);
    }
    seen.add(reference);
  }
}
