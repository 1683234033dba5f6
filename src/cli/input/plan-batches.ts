/** Plans batches from the objects below a prefix. Pure: the same objects give the same batches. */
import { createHash } from 'node:crypto';
import { UsageError } from '../../errors.js';
import { comparableId, MAX_REFERENCE_LENGTH, REFERENCE_PATTERN } from '../../jobs/ids.js';
import { PLAIN_BUCKET_NAME, PLAIN_BUCKET_NAME_RULE } from '../../jobs/request/bucket-name.js';
import {
  type BatchRequest,
  isDocumentId,
  MAX_DOCUMENT_ID_LENGTH,
  MAX_DOCUMENTS,
} from '../../jobs/request/request.js';
import { escapeControls } from '../../jobs/request/validation-issues.js';

/** In hex: two of a million names have the same with a chance of one in a thousand. */
const DIGEST_LENGTH = 12;
/** Controls, joiners and all that has no shape; separators of lines. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

export interface S3Location {
  bucket: string;
  /** A folder: empty, or ends with a slash. */
  prefix: string;
}

/** @throws UsageError unless it is `s3://bucket` or `s3://bucket/folder`, with or without a last slash. */
export function parseLocation(text: string): S3Location {
  const [, bucket, path = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text) ?? [];
  if (bucket === undefined) throw new UsageError('--s3 must be s3://bucket/prefix/');
  if (!PLAIN_BUCKET_NAME.test(bucket)) {
    throw new UsageError(`--s3: ${escapeControls(bucket)} ${PLAIN_BUCKET_NAME_RULE}`);
  }
  // Without the slash, `8841` would stand for `88410/` too.
  return { bucket, prefix: path === '' || path.endsWith('/') ? path : `${path}/` };
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
 * @param keys All keys of documents below the prefix, in the order of S3.
 * @throws UsageError when two folders have the same reference.
 */
export function planBatches(
  { bucket, prefix }: S3Location,
  keys: readonly string[],
  { productType, reference, byFolder }: PlanOptions,
): BatchRequest[] {
  const name = reference ?? referenceFrom(prefix.split('/').filter(Boolean).at(-1) ?? bucket);
  const groups = new Map<string, string[]>();
  for (const key of keys) {
    const folder = byFolder ? prefix + folderOf(key.slice(prefix.length)) : prefix;
    const group = groups.get(folder);
    if (group) group.push(key);
    else groups.set(folder, [key]);
  }
  const batches = [...groups].flatMap(([folder, members]) => {
    const below = folder.slice(prefix.length, -1);
    const own = below === '' ? name : [reference, referenceFrom(below)].filter(Boolean).join('-');
    const ids = documentIdsFrom(members.map((key) => key.slice(folder.length)));
    const documents = members.map((key, i) => ({ documentId: ids[i] ?? '', bucket, key }));
    return split({ reference: own, productType, documents });
  });
  refuseSameReferences(batches);
  return batches;
}

function split(batch: BatchRequest): BatchRequest[] {
  const { reference, documents } = batch;
  const count = Math.ceil(documents.length / MAX_DOCUMENTS);
  return Array.from({ length: count }, (_, i) => {
    const suffix = count === 1 ? '' : `-${i + 1}`;
    return {
      ...batch,
      reference: shorten(reference, MAX_REFERENCE_LENGTH - suffix.length) + suffix,
      documents: documents.slice(i * MAX_DOCUMENTS, (i + 1) * MAX_DOCUMENTS),
    };
  });
}

/** The first folder of a relative key, with its slash. Empty when it has none. */
function folderOf(relativeKey: string): string {
  return relativeKey.slice(0, relativeKey.indexOf('/') + 1);
}

/**
 * The name of a folder as a reference. It depends on nothing else, so that the folder keeps it when
 * others come. Of a name in another script little or nothing is left, so its digest says which it is.
 */
function referenceFrom(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._-]+/g, '-');
  if (/^[\x20-\x7e]*$/.test(name) && REFERENCE_PATTERN.test(plain)) return plain;
  const left = plain.replace(/^[.-]+|[.-]+$/g, '');
  return shorten([left, digest(name)].filter(Boolean).join('-'), MAX_REFERENCE_LENGTH);
}

/** Paths as ids of documents. One that cannot be an id, or not beside the others, gets its digest. */
function documentIdsFrom(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of paths.map(comparableId)) counts.set(path, (counts.get(path) ?? 0) + 1);
  return paths.map((path) => {
    if (isDocumentId(path) && counts.get(comparableId(path)) === 1) return path;
    const room = MAX_DOCUMENT_ID_LENGTH - DIGEST_LENGTH - 1;
    // The end of a long path says most: it is the name of the file.
    const left = Array.from(path.replace(UNPRINTABLE, '')).slice(-room).join('');
    return `${digest(path)}-${left}`;
  });
}

/** Cut to a length; what is cut is replaced by a digest of the whole. */
function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return `${text.slice(0, maxLength - DIGEST_LENGTH - 1)}-${digest(text)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);
}

function refuseSameReferences(batches: readonly BatchRequest[]): void {
  const seen = new Set<string>();
  for (const { reference } of batches) {
    if (seen.has(reference)) {
      throw new UsageError(
        `two folders come to the reference ${reference}; rename one of them, or submit each by itself with --reference`,
      );
    }
    seen.add(reference);
  }
}
