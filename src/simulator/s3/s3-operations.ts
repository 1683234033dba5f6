/** What each operation does with the store; refusals are thrown as S3Error. */
import type { Answer } from '../http-server.js';
import { headerOf, type SignedRequest } from './canonical-request.js';
import type { ObjectInfo } from './disk-shelf.js';
import { listObjects } from './list-objects.js';
import { listVersions } from './list-versions.js';
import type { ObjectStore } from './object-store.js';
import type { S3Target } from './s3-request.js';
import { S3Error } from './s3-xml.js';

const MAX_KEY_BYTES = 1024;
const BUCKET_NAME = /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const DEFAULT_CONTENT_TYPE = 'binary/octet-stream';

export interface OperationContext {
  store: ObjectStore;
  region: string;
  /** A PUT into a bucket that does not exist creates it. */
  createsBuckets: boolean;
  conditionalWrites: ConditionalWrites;
}

/** How a store takes the conditions of an upload: as S3 does, by a 501, or as if they were not there. */
export type ConditionalWrites = 'known' | 'not-implemented' | 'ignored';

/** Carries out one verified request. */
export function operate(
  context: OperationContext,
  request: SignedRequest,
  target: S3Target,
  body: Buffer,
): Answer {
  const { store } = context;
  const { bucket, key, operation } = target;
  if (operation === 'other') {
    throw new S3Error('NotImplemented', `${request.method} of this kind is not implemented.`);
  }
  checkNames(bucket, key);
  if (operation === 'create-bucket') return createBucket(store, bucket);
  if (!store.hasBucket(bucket) && !(operation === 'put' && context.createsBuckets)) {
    const details = { BucketName: bucket };
    throw new S3Error('NoSuchBucket', 'The specified bucket does not exist', details);
  }
  switch (operation) {
    case 'put': {
      checkConditions(context, request, store.info(bucket, key), key);
      const type = headerOf(request.headers, 'content-type') ?? DEFAULT_CONTENT_TYPE;
      return { status: 200, headers: { etag: store.put(bucket, key, body, type).etag } };
    }
    case 'get':
      return getObject(store, bucket, key, headerOf(request.headers, 'range'));
    case 'head': {
      const info = existing(store.info(bucket, key), key);
      const headers = { ...objectHeaders(info), 'content-length': String(info.size) };
      return { status: 200, headers };
    }
    case 'delete':
      store.delete(bucket, key, target.versionId);
      return { status: 204 };
    case 'list':
      return listObjects(store, bucket, new Map(request.query));
    case 'list-versions':
      return listVersions(store, bucket, new Map(request.query));
    case 'head-bucket':
      return { status: 200, headers: { 'x-amz-bucket-region': context.region } };
  }
}

/** Conditions of an upload, as S3 has them: `*` for an absent object, one ETag for a present one. */
function checkConditions(
  { conditionalWrites }: OperationContext,
  { headers }: SignedRequest,
  present: ObjectInfo | undefined,
  key: string,
): void {
  const match = headerOf(headers, 'if-match');
  const noneMatch = headerOf(headers, 'if-none-match');
  if (conditionalWrites === 'ignored' || (match ?? noneMatch) === undefined) return;
  if (conditionalWrites === 'not-implemented' || (noneMatch !== undefined && noneMatch !== '*')) {
    throw new S3Error(
      'NotImplemented',
      'A header you provided implies functionality that is not implemented',
    );
  }
  if (match !== undefined && present === undefined) existing(present, key);
  const holds = match === undefined ? present === undefined : present?.etag === match;
  if (holds) return;
  const details = { Condition: match === undefined ? 'If-None-Match' : 'If-Match' };
  const message = 'At least one of the pre-conditions you specified did not hold';
  throw new S3Error('PreconditionFailed', message, details);
}

function checkNames(bucket: string, key: string): void {
  if (!BUCKET_NAME.test(bucket)) {
    throw new S3Error('InvalidBucketName', 'The specified bucket is not valid.');
  }
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new S3Error('KeyTooLongError', 'Your key is too long');
  }
}

function createBucket(store: ObjectStore, bucket: string): Answer {
  if (store.hasBucket(bucket)) {
    throw new S3Error('BucketAlreadyOwnedByYou', 'You already own this bucket.');
  }
  store.createBucket(bucket);
  return { status: 200, headers: { location: `/${bucket}` } };
}

function getObject(
  store: ObjectStore,
  bucket: string,
  key: string,
  range: string | undefined,
): Answer {
  const { body, ...info } = existing(store.get(bucket, key), key);
  const headers = objectHeaders(info);
  const part = range === undefined ? undefined : partOf(range, info.size);
  if (part === undefined) return { status: 200, headers, body };
  const [first, last] = part;
  headers['content-range'] = `bytes ${first}-${last}/${info.size}`;
  return { status: 206, headers, body: body.subarray(first, last + 1) };
}

function existing<Found>(found: Found | undefined, key: string): Found {
  if (found === undefined) {
    throw new S3Error('NoSuchKey', 'The specified key does not exist.', { Key: key });
  }
  return found;
}

function objectHeaders(info: ObjectInfo): Record<string, string> {
  return {
    'content-type': info.contentType,
    etag: info.etag,
    'last-modified': new Date(info.lastModified).toUTCString(),
    'accept-ranges': 'bytes',
  };
}

/** First and last byte of a single range; undefined for what S3 ignores, S3Error when outside. */
function partOf(range: string, size: number): [first: number, last: number] | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (first > last) throw new S3Error('InvalidRange', 'The requested range is not satisfiable');
  return [first, last];
}
