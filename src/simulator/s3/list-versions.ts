/** ListObjectVersions: every version of every object below a prefix, page by page. */
import type { Answer } from '../http-server.js';
import type { ObjectStore } from './object-store.js';
import { elements, S3Error, xmlAnswer } from './s3-xml.js';

/** S3's own page size, and the most that it gives. */
const MAX_KEYS = 1000;
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** One page; the query's parameters are those of ListObjectVersions. */
export function listVersions(
  store: ObjectStore,
  bucket: string,
  query: ReadonlyMap<string, string>,
): Answer {
  const prefix = query.get('prefix') ?? '';
  const maxKeys = Math.min(Number(query.get('max-keys') ?? MAX_KEYS), MAX_KEYS);
  if (!Number.isInteger(maxKeys) || maxKeys < 1) {
    throw new S3Error('InvalidArgument', 'max-keys is not a number');
  }
  const all = store.versions(bucket, prefix);
  const keyMarker = query.get('key-marker');
  const versionMarker = query.get('version-id-marker');
  const marked = all.findIndex(
    ({ key, versionId }) => key === keyMarker && versionId === versionMarker,
  );
  const page = all.slice(marked + 1, marked + 1 + maxKeys);
  const last = marked + 1 + maxKeys < all.length ? page.at(-1) : undefined;
  const isUrl = query.get('encoding-type') === 'url';
  const written = (name: string) =>
    isUrl ? encodeURIComponent(name).replaceAll('%2F', '/') : name;
  const entries = page.map(({ key, versionId, isDeleteMarker, isLatest, size }) => {
    const name = isDeleteMarker ? 'DeleteMarker' : 'Version';
    const fields = {
      Key: written(key),
      VersionId: versionId,
      IsLatest: String(isLatest),
      Size: isDeleteMarker ? undefined : String(size),
    };
    return `<${name}>${elements(fields)}</${name}>`;
  });
  const fields = elements({
    Name: bucket,
    Prefix: written(prefix),
    MaxKeys: String(maxKeys),
    IsTruncated: String(last !== undefined),
    EncodingType: isUrl ? 'url' : undefined,
    NextKeyMarker: last && written(last.key),
    NextVersionIdMarker: last?.versionId,
  });
  const inner = [fields, ...entries].join('');
  return xmlAnswer(200, `<ListVersionsResult xmlns="${NAMESPACE}">${inner}</ListVersionsResult>`);
}
