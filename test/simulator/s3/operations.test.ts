import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type S3SimulatorOptions, startS3Simulator } from '../../../src/simulator/index.js';
import { anyKey, sdkClient } from './s3-clients.js';

async function start(options: S3SimulatorOptions = {}) {
  const s3 = await startS3Simulator(options);
  onTestFinished(() => s3.stop());
  return s3;
}

const ODD_KEYS = [
  'plain.jpg',
  'with space.jpg',
  'plus+plus',
  'percent%20%zz',
  'quote\'"`.txt',
  'नमस्ते/ü/漢字/😀',
  'a//b///c',
  'a/../b/./c',
  '../up',
  'trailing/',
  '/leading',
  '&=?#;:@,!*()$~<>[]{}|\\^',
  'tab\tand\u0001control',
];

describe.each([
  ['path style', true],
  ['virtual-host style', false],
])('%s', (_style, forcePathStyle) => {
  it('the simulated S3 stores and returns objects under every odd key', async () => {
    const s3 = await start();
    const client = sdkClient(s3, { forcePathStyle });
    for (const Key of ODD_KEYS) {
      await client.send(
        new PutObjectCommand({ Bucket: 'odd', Key, Body: `body of ${Key}`, ContentType: 'text/x' }),
      );
      const got = await client.send(new GetObjectCommand({ Bucket: 'odd', Key }));
      expect(await got.Body?.transformToString()).toBe(`body of ${Key}`);
      expect(got.ContentType).toBe('text/x');
      const head = await client.send(new HeadObjectCommand({ Bucket: 'odd', Key }));
      expect(head.ContentLength).toBe(Buffer.byteLength(`body of ${Key}`));
      expect(head.ETag).toBe(got.ETag);
    }
    expect(new Set(s3.list('odd'))).toEqual(new Set(ODD_KEYS));
    for (const Key of ODD_KEYS) {
      await client.send(new DeleteObjectCommand({ Bucket: 'odd', Key }));
    }
    expect(s3.list('odd')).toEqual([]);
  });
});

it('the simulated S3 returns any bytes that were stored under any key', async () => {
  const s3 = await start();
  const client = sdkClient(s3);
  await fc.assert(
    fc.asyncProperty(anyKey, fc.uint8Array({ maxLength: 300 }), async (Key, Body) => {
      await client.send(new PutObjectCommand({ Bucket: 'any', Key, Body }));
      const got = await client.send(new GetObjectCommand({ Bucket: 'any', Key }));
      expect(Buffer.from((await got.Body?.transformToByteArray()) ?? [0]).equals(Body)).toBe(true);
      expect(s3.get('any', Key)?.body.equals(Body)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

it('the simulated S3 accepts large and streamed bodies', async () => {
  const s3 = await start();
  const client = sdkClient(s3);
  const Body = Buffer.alloc(5 * 1024 * 1024, 'scan ');
  await client.send(new PutObjectCommand({ Bucket: 'large', Key: 'one', Body }));
  expect(s3.get('large', 'one')?.body.equals(Body)).toBe(true);
});

it('the simulated S3 returns a range of an object', async () => {
  const s3 = await start();
  s3.put('kyc', 'digits', '0123456789');
  const client = sdkClient(s3);
  const read = async (Range: string) => {
    const got = await client.send(new GetObjectCommand({ Bucket: 'kyc', Key: 'digits', Range }));
    return [await got.Body?.transformToString(), got.ContentRange];
  };
  expect(await read('bytes=2-4')).toEqual(['234', 'bytes 2-4/10']);
  expect(await read('bytes=7-')).toEqual(['789', 'bytes 7-9/10']);
  expect(await read('bytes=-2')).toEqual(['89', 'bytes 8-9/10']);
  await expect(read('bytes=10-')).rejects.toMatchObject({ name: 'InvalidRange' });
});

it('the simulated S3 lists keys by prefix, in pages, in the order of bytes', async () => {
  const s3 = await start();
  const keys = ['a/1', 'a/10', 'a/2', 'a/\u{1f600}', 'a/\uffee', 'b+ &/1', 'c'];
  for (const key of keys) s3.put('lists', key, 'x');
  const client = sdkClient(s3);
  const seen: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page: ListObjectsV2CommandOutput = await client.send(
      new ListObjectsV2Command({ Bucket: 'lists', Prefix: 'a/', MaxKeys: 2, ContinuationToken }),
    );
    seen.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ''));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  expect(seen).toEqual(['a/1', 'a/10', 'a/2', 'a/\uffee', 'a/\u{1f600}']);
  const encoded = await client.send(
    new ListObjectsV2Command({ Bucket: 'lists', Prefix: 'b+ ', EncodingType: 'url' }),
  );
  expect(encoded.Contents?.map(({ Key }) => Key)).toEqual(['b%2B%20%26/1']);
});

it('the simulated S3 groups keys by a delimiter, page by page', async () => {
  const s3 = await start();
  for (const key of ['a/', 'a/1', 'a/2', 'b', 'c/1', 'd/1']) s3.put('lists', key, 'x');
  const client = sdkClient(s3);
  const list = (ContinuationToken?: string) =>
    client.send(
      new ListObjectsV2Command({ Bucket: 'lists', Delimiter: '/', MaxKeys: 2, ContinuationToken }),
    );
  const first = await list();
  expect(first.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(['a/']);
  expect(first.Contents?.map(({ Key }) => Key)).toEqual(['b']);
  expect(first.IsTruncated).toBe(true);
  const second = await list(first.NextContinuationToken);
  expect(second.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(['c/', 'd/']);
  expect(second.IsTruncated).toBe(false);
});

it('the simulated S3 has only the given buckets', async () => {
  const s3 = await start({ buckets: ['mine'] });
  const client = sdkClient(s3);
  await client.send(new HeadBucketCommand({ Bucket: 'mine' }));
  const put = (Bucket: string) =>
    client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'b' }));
  await expect(put('other')).rejects.toMatchObject({ name: 'NoSuchBucket' });
  await expect(client.send(new HeadBucketCommand({ Bucket: 'other' }))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 404 },
  });
  await client.send(new CreateBucketCommand({ Bucket: 'other' }));
  await put('other');
  expect(s3.list('other')).toEqual(['k']);
});

it('the simulated S3 answers that a key does not exist', async () => {
  const s3 = await start();
  s3.put('kyc', 'there', 'x');
  const client = sdkClient(s3);
  const missing = { Bucket: 'kyc', Key: 'not there' };
  await expect(client.send(new GetObjectCommand(missing))).rejects.toMatchObject({
    name: 'NoSuchKey',
  });
  await expect(client.send(new HeadObjectCommand(missing))).rejects.toMatchObject({
    name: 'NotFound',
  });
});

it('the simulated S3 keeps objects on disk over a restart', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'atlas-batch-s3-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const first = await start({ directory });
  for (const key of ODD_KEYS) first.put('kept', key, `body of ${key}`, 'image/png');
  first.put('kept', 'gone', 'x');
  await sdkClient(first).send(new DeleteObjectCommand({ Bucket: 'kept', Key: 'gone' }));
  await first.stop();
  const second = await start({ directory });
  expect(new Set(second.list('kept'))).toEqual(new Set(ODD_KEYS));
  const client = sdkClient(second);
  for (const Key of ODD_KEYS) {
    const got = await client.send(new GetObjectCommand({ Bucket: 'kept', Key }));
    expect(await got.Body?.transformToString()).toBe(`body of ${Key}`);
    expect(got.ContentType).toBe('image/png');
  }
});

const ABSENT = { status: 412, name: 'PreconditionFailed' };
it.each([
  { conditionalWrites: 'known', overPresent: ABSENT, stale: ABSENT },
  { conditionalWrites: 'ignored', overPresent: null, stale: null },
  {
    conditionalWrites: 'not-implemented',
    overPresent: { status: 501, name: 'NotImplemented' },
    stale: { status: 501, name: 'NotImplemented' },
  },
] as const)(
  'a simulated S3 to which conditions of uploads are $conditionalWrites does as such stores do',
  async ({ conditionalWrites, overPresent, stale }) => {
    const s3 = await start({ conditionalWrites });
    const client = sdkClient(s3);
    const put = async (Body: string, condition: { IfMatch?: string; IfNoneMatch?: string }) => {
      const command = new PutObjectCommand({ Bucket: 'results', Key: 'k', Body, ...condition });
      return client.send(command).then(
        ({ ETag }) => ({ ETag, refusal: null }),
        ({ name, $metadata }) => ({
          ETag: '',
          refusal: { status: $metadata.httpStatusCode, name },
        }),
      );
    };
    const { ETag: first = '' } = await put('first', {});
    expect((await put('second', { IfNoneMatch: '*' })).refusal).toEqual(overPresent);
    const current = s3.get('results', 'k')?.etag ?? '';
    const matching = await put('third', { IfMatch: current });
    expect(matching.refusal).toEqual(conditionalWrites === 'not-implemented' ? stale : null);
    expect((await put('fourth', { IfMatch: first })).refusal).toEqual(
      conditionalWrites === 'known' || conditionalWrites === 'not-implemented' ? stale : null,
    );
  },
);

it('the simulated S3 says 404 when the object is gone that an upload is to replace', async () => {
  const client = sdkClient(await start());
  await client.send(
    new PutObjectCommand({ Bucket: 'results', Key: 'k', Body: 'x', IfNoneMatch: '*' }),
  );
  await client.send(new DeleteObjectCommand({ Bucket: 'results', Key: 'k' }));
  const again = new PutObjectCommand({ Bucket: 'results', Key: 'k', Body: 'y', IfMatch: '"0"' });
  await expect(client.send(again)).rejects.toMatchObject({ name: 'NoSuchKey' });
});

it('the simulated S3 counts requests by operation and status', async () => {
  const s3 = await start();
  const client = sdkClient(s3);
  await client.send(new PutObjectCommand({ Bucket: 'counted', Key: 'k', Body: 'four' }));
  await client.send(new GetObjectCommand({ Bucket: 'counted', Key: 'k' }));
  await client.send(new GetObjectCommand({ Bucket: 'counted', Key: 'x' })).catch(() => {});
  expect(s3.requests.table()).toEqual({ put: { 200: 1 }, get: { 200: 1, 404: 1 } });
  expect(s3.requestLog('get').map(({ status }) => status)).toEqual([200, 404]);
});
