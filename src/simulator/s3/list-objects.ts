/** ListObjectsV2: keys in order, grouped by a delimiter, page by page. */
import type { Answer } from '../http-server.js';
import type { ObjectStore } from './object-store.js';
import { elements, S3Error, xmlAnswer } from './s3-xml.js';

/** S3's own page size, and the most that it gives. */
const MAX_KEYS = 1000;
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** One page of a bucket's keys; the query's parameters are those of ListObjectsV2. */
export function listObjects(
  store: ObjectStore,
  bucket: string,
  query: ReadonlyMap<string, string>,
): Answer {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const maxKeys = Math.min(Number(query.get('max-keys') ?? MAX_KEYS), MAX_KEYS);
  if (!Number.isInteger(maxKeys) || maxKeys < 0) {
    throw new S3Error('InvalidArgument', 'max-keys is not a number');
  }
  const token = query.get('continuation-token');
  const after =
    token === undefined
      ? (query.get('start-after') ?? '')
      : Buffer.from(token, 'base64url').toString();
  const { names, last } = page(store.keys(bucket), prefix, delimiter, maxKeys, after);
  const encoding = query.get('encoding-type') === 'url' ? 'url' : undefined;
  const written = (name: string) => (encoding === undefined ? name : urlEncoded(name));
  const contents = names.flatMap(({ name, grouped }) => {
    const info = grouped ? undefined : store.info(bucket, name);
    if (info === undefined) return [];
    const fields = {
      Key: written(name),
      LastModified: new Date(info.lastModified).toISOString(),
      ETag: info.etag,
      Size: String(info.size),
      StorageClass: 'STANDARD',
    };
    return `<Contents>${elements(fields)}</Contents>`;
  });
  const prefixes = names
    .filter(({ grouped }) => grouped)
    .map(({ name }) => `<CommonPrefixes>${elements({ Prefix: written(name) })}</CommonPrefixes>`);
  const fields = elements({
    Name: bucket,
    Prefix: written(prefix),
    KeyCount: String(contents.length + prefixes.length),
    MaxKeys: String(maxKeys),
    IsTruncated: String(last !== undefined),
    Delimiter: delimiter === '' ? undefined : written(delimiter),
    EncodingType: encoding,
    ContinuationToken: token,
    NextContinuationToken: last && Buffer.from(last).toString('base64url'),
  });
  const inner = [fields, ...contents, ...prefixes].join('');
  return xmlAnswer(200, `<ListBucketResult xmlns="${NAMESPACE}">${inner}</ListBucketResult>`);
}

interface Page {
  /** Keys, and prefixes that stand for all keys below them, in order. */
  names: { name: string; grouped: boolean }[];
  /** The last name of this page when there are more. */
  last: string | undefined;
}

function page(
  sorted: readonly string[],
  prefix: string,
  delimiter: string,
  maxKeys: number,
  after: string,
): Page {
  const names: Page['names'] = [];
  const start = Buffer.from(after);
  for (const key of sorted) {
    if (!key.startsWith(prefix)) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const grouped = cut >= 0;
    const name = grouped ? key.slice(0, cut + delimiter.length) : key;
    if (after !== '' && Buffer.compare(Buffer.from(name), start) <= 0) continue;
    if (name === names.at(-1)?.name) continue;
    if (names.length === maxKeys) return { names, last: names.at(-1)?.name };
    names.push({ name, grouped });
  }
  return { names, last: undefined };
}

/** `encoding-type=url`: percent-encoded, slashes kept. */
function urlEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll('%2F', '/');
}
