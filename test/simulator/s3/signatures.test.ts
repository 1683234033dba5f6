import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type S3SimulatorOptions, startS3Simulator } from '../../../src/simulator/index.js';
import { anyKey, fetchRaw, sdkClient } from './s3-clients.js';

async function start(options: S3SimulatorOptions = {}) {
  const s3 = await startS3Simulator(options);
  onTestFinished(() => s3.stop());
  s3.put('kyc', 'pan.jpg', 'a scan');
  return s3;
}

const PAN = { Bucket: 'kyc', Key: 'pan.jpg' };
const temporary = {
  accessKeyId: 'ASIATEMPORARY',
  secretAccessKey: 'temporary-secret',
  sessionToken: 'session/token+with=odd&characters',
};

describe.each([
  ['path style', true],
  ['virtual-host style', false],
])('%s', (_style, forcePathStyle) => {
  it('the simulated S3 accepts URLs of getSignedUrl for any key', async () => {
    const s3 = await start();
    const client = sdkClient(s3, { forcePathStyle });
    await fc.assert(
      fc.asyncProperty(anyKey, async (Key) => {
        s3.put('kyc', Key, `scan of ${Key}`);
        const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: 'kyc', Key }));
        expect(await fetchRaw(url)).toMatchObject({ status: 200, body: `scan of ${Key}` });
      }),
      { numRuns: 50, examples: [['a/../b'], ['a//b'], ['+ %20'], ['नमस्ते'], ["!*'()~"]] },
    );
  });

  it('the simulated S3 accepts temporary credentials, and only with their token', async () => {
    const s3 = await start(temporary);
    const client = sdkClient(s3, { forcePathStyle, credentials: temporary });
    await client.send(new PutObjectCommand({ ...PAN, Body: 'x' }));
    const url = await getSignedUrl(client, new GetObjectCommand(PAN));
    expect(await fetchRaw(url)).toMatchObject({ status: 200, body: 'x' });
    const without = sdkClient(s3, {
      forcePathStyle,
      credentials: { ...temporary, sessionToken: 'another' },
    });
    await expect(without.send(new GetObjectCommand(PAN))).rejects.toMatchObject({
      name: 'InvalidToken',
    });
  });

  it('the simulated S3 accepts pre-signed uploads', async () => {
    const s3 = await start();
    const client = sdkClient(s3, { forcePathStyle });
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket: 'kyc', Key: 'new' }));
    expect(await fetchRaw(url, { method: 'PUT', body: 'sent' })).toMatchObject({ status: 200 });
    expect(s3.get('kyc', 'new')?.body.toString()).toBe('sent');
  });
});

it.each([undefined, 'example.test'])(
  'the simulated S3 accepts buckets as hosts under s3 too (base host %s)',
  async (baseHost) => {
    const s3 = await start({ baseHost });
    const url = await getSignedUrl(
      sdkClient(s3, {
        forcePathStyle: false,
        endpoint: `http://s3.${baseHost ?? 'localhost'}:${s3.port}`,
      }),
      new GetObjectCommand(PAN),
    );
    const { host } = new URL(url);
    expect(host).toMatch(/^kyc\.s3\./);
    const onThisMachine = url.replace(host, `127.0.0.1:${s3.port}`);
    expect(await fetchRaw(onThisMachine, { headers: { host } })).toMatchObject({ body: 'a scan' });
  },
);

it('the simulated S3 refuses an expired URL as S3 does', async () => {
  let now = Date.now();
  const s3 = await start({ clock: () => now });
  const url = await getSignedUrl(sdkClient(s3), new GetObjectCommand(PAN), { expiresIn: 60 });
  expect((await fetchRaw(url)).status).toBe(200);
  now += 61_000;
  const late = await fetchRaw(url);
  expect(late.status).toBe(403);
  expect(late.body).toContain('<Code>AccessDenied</Code><Message>Request has expired</Message>');
});

it('the simulated S3 refuses a URL in which anything was changed', async () => {
  const s3 = await start();
  s3.put('kyc', 'other.jpg', 'secret');
  const url = await getSignedUrl(sdkClient(s3), new GetObjectCommand(PAN), { expiresIn: 60 });
  const changed = [
    url.replace('pan.jpg', 'other.jpg'),
    url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'),
    `${url}&response-content-type=text/html`,
    url.replace(/(?<=X-Amz-Signature=)./, (digit) => (digit === '0' ? '1' : '0')),
  ];
  for (const wrong of changed) {
    const response = await fetchRaw(wrong);
    expect(response.status).toBe(403);
    expect(response.body).toContain('<Code>SignatureDoesNotMatch</Code>');
  }
  expect((await fetchRaw(url, { method: 'DELETE' })).status).toBe(403);
  expect((await fetchRaw(url.replace('127.0.0.1', 'localhost'))).status).toBe(403);
});

it('the simulated S3 refuses headers that the signature does not cover', async () => {
  const s3 = await start();
  const url = await getSignedUrl(
    sdkClient(s3),
    new PutObjectCommand({ Bucket: 'kyc', Key: 'new' }),
  );
  const headers = { 'x-amz-acl': 'public-read' };
  expect((await fetchRaw(url, { method: 'PUT', headers, body: 'x' })).status).toBe(403);
});

it('the simulated S3 refuses requests without a signature', async () => {
  const s3 = await start();
  expect(await fetchRaw(`${s3.url}/kyc/pan.jpg`)).toMatchObject({ status: 403 });
});

it.each([
  ['a wrong secret', { secretAccessKey: 'wrong' }, 'SignatureDoesNotMatch'],
  ['an unknown key id', { accessKeyId: 'AKIAUNKNOWN' }, 'InvalidAccessKeyId'],
])('the simulated S3 refuses %s', async (_what, wrong, name) => {
  const s3 = await start();
  const { accessKeyId, secretAccessKey } = s3;
  const client = sdkClient(s3, { credentials: { accessKeyId, secretAccessKey, ...wrong } });
  await expect(client.send(new GetObjectCommand(PAN))).rejects.toMatchObject({ name });
  const url = await getSignedUrl(client, new GetObjectCommand(PAN));
  expect((await fetchRaw(url)).body).toContain(`<Code>${name}</Code>`);
});

it('the simulated S3 accepts key ids that hold slashes', async () => {
  const s3 = await start({ accessKeyId: 'project/key' });
  const got = await sdkClient(s3).send(new GetObjectCommand(PAN));
  expect(await got.Body?.transformToString()).toBe('a scan');
});

it('the simulated S3 names its region when a request was signed for another', async () => {
  const s3 = await start({ region: 'ap-south-1' });
  const client = sdkClient(s3, { region: 'eu-west-1' });
  await expect(client.send(new GetObjectCommand(PAN))).rejects.toMatchObject({
    name: 'AuthorizationHeaderMalformed',
    Region: 'ap-south-1',
  });
});

it('the simulated S3 refuses a clock that is more than a quarter of an hour away', async () => {
  const s3 = await start({ clock: () => Date.now() + 16 * 60_000 });
  await expect(sdkClient(s3).send(new GetObjectCommand(PAN))).rejects.toMatchObject({
    name: 'RequestTimeTooSkewed',
  });
  // A response to HEAD has no body in which to say why.
  await expect(sdkClient(s3).send(new HeadObjectCommand(PAN))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 403 },
  });
});

it.each(['WHEN_SUPPORTED', 'WHEN_REQUIRED'] as const)(
  'the simulated S3 refuses a body that is not the signed one (checksums %s)',
  async (requestChecksumCalculation) => {
    const s3 = await start();
    const client = sdkClient(s3, { requestChecksumCalculation });
    client.middlewareStack.add(
      (next) => (args) => {
        Object.assign(args.request as object, { body: Buffer.from('THREE') });
        return next(args);
      },
      { step: 'deserialize' },
    );
    await expect(
      client.send(new PutObjectCommand({ ...PAN, Body: 'three' })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    expect(s3.get('kyc', 'pan.jpg')?.body.toString()).toBe('a scan');
  },
);

it('the simulated S3 accepts bodies in chunks with a checksum after them', async () => {
  const s3 = await start();
  const put = async (crc: string) => {
    const url = await getSignedUrl(
      sdkClient(s3),
      new PutObjectCommand({ Bucket: 'kyc', Key: 'chunked' }),
    );
    return fetchRaw(url, {
      method: 'PUT',
      headers: { 'content-encoding': 'aws-chunked' },
      body: `4\r\nscan\r\n5;x=y\r\n of a\r\n0\r\nx-amz-checksum-crc32:${crc}\r\n\r\n`,
    });
  };
  expect((await put('AAAAAA==')).body).toContain('<Code>BadDigest</Code>');
  expect(s3.get('kyc', 'chunked')).toBeUndefined();
  expect((await put('L5NvMg==')).status).toBe(200);
  expect(s3.get('kyc', 'chunked')?.body.toString()).toBe('scan of a');
});

it('the simulated S3 can leave signatures unchecked', async () => {
  const s3 = await start({ verifySignatures: false });
  expect(await fetchRaw(`${s3.url}/kyc/pan.jpg`)).toMatchObject({ status: 200, body: 'a scan' });
});
