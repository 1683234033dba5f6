/** ListObjectsV2: keys in order, grouped by a delimiter, page by page. */
import type { Answer } from '../http-server.js';
import type { ObjectStore } from './object-store.js';
import { listAnswer, S3Error } from './s3-xml.js';

/** S3's own page size, and the most that it gives. */
const MAX_KEYS = 1000;

/** One page of a bucket's keys; the query's parameters are those of ListObjectsV2. */
export function listObjects(
  store: ObjectStore,
  bucket: string,
  query: ReadonlyMap<string, string>,
): Answer {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') || undefined;
  const maxKeys = Math.min(Number(query.get('max-keys') ?? MAX_KEYS), MAX_KEYS);
  if (!Number.isInteger(maxKeys) || maxKeys < 0) {
    throw new S3Error('InvalidArgument', 'max-keys is not a number');
  }
  const continuationToken = query.get('continuation-token');
  const after =
    continuationToken === undefined
      ? (query.get('start-after') ?? '')
      : Buffer.from(continuationToken, 'base64url').toString();
  const { keys, commonPrefixes, last } = page(
    store.keys(bucket),
    prefix,
    delimiter,
    maxKeys,
    after,
  );
  const contents = keys.flatMap((key) => store.info(bucket, key) ?? []);
  return listAnswer({
    bucket,
    prefix,
    delimiter,
    maxKeys,
    urlEncoded: query.get('encoding-type') === 'url',
    continuationToken,
    nextContinuationToken: last && Buffer.from(last).toString('base64url'),
    contents,
    commonPrefixes,
  });
}

interface Page {
  keys: string[];
  commonPrefixes: string[];
  /** The last name of this page when there are more. */
  last: string | undefined;
}

function page(
  sorted: readonly string[],
  prefix: string,
  delimiter: string | undefined,
  maxKeys: number,
  after: string,
): Page {
  const keys: string[] = [];
  const commonPrefixes: string[] = [];
  const start = Buffer.from(after);
  let last: string | undefined;
  for (const key of sorted) {
    if (!key.startsWith(prefix)) continue;
    const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
    const grouped = cut >= 0;
    const name = grouped ? key.slice(0, cut + (delimiter?.length ?? 0)) : key;
    if (after !== '' && Buffer.compare(Buffer.from(name), start) <= 0) continue;
    if (grouped && name === commonPrefixes.at(-1)) continue;
    if (keys.length + commonPrefixes.length === maxKeys) return { keys, commonPrefixes, last };
    (grouped ? commonPrefixes : keys).push(name);
    last = name;
  }
  return { keys, commonPrefixes, last: undefined };
}
