/** Policies of a bucket, and a store with two names. */
import { expect, onTestFinished, test } from 'vitest';
import { startS3Simulator } from '../../src/simulator/index.js';
import { createObjectStore, type ObjectStoreOptions } from '../../src/storage/object-store.js';
import { publicAddressIssue } from '../../src/storage/public-address.js';
import { errorOf, openStore } from './open-store.js';
import { startScriptedS3 } from './scripted-s3.js';

async function start(options: Partial<ObjectStoreOptions> = {}) {
  const s3 = await startS3Simulator();
  onTestFinished(() => s3.stop());
  const { accessKeyId, secretAccessKey, region, url } = s3;
  const store = createObjectStore({
    resultsBucket: 'results',
    presignExpiresSeconds: 600,
    forcePathStyle: true,
    connections: 4,
    logger: { warn: () => {} },
    clientConfig: { region, endpoint: url, credentials: { accessKeyId, secretAccessKey } },
    ...options,
  });
  onTestFinished(() => store.close());
  return { s3, store };
}

test('a bucket that refuses signatures in URLs takes results and gives them back', async () => {
  const { s3, store } = await start();
  s3.setFaults({
    rules: [{ fault: 'AccessDenied', match: ({ signedIn }) => signedIn === 'query' }],
  });
  await store.putResult('a.json', ['{}']);
  expect(await store.getResult('a.json')).not.toBeNull();
  await store.deleteResult('a.json');
  expect(await store.getResult('a.json')).toBeNull();
  expect(s3.list('results')).toEqual([]);
});

test('no request of our own has a query, and all have a signed payload', async () => {
  const s3 = await startScriptedS3();
  const urls: string[] = [];
  s3.fault = (request) => {
    urls.push(request.url ?? '');
    expect(request.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDTEST\//);
    expect(request.headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    return false;
  };
  const store = openStore(s3);
  s3.objects.set('docs/a b.jpg', Buffer.from('scan'));
  await store.check([{ bucket: 'docs', key: 'a b.jpg' }], () => {});
  await store.putResult('a.json', ['{}']);
  await store.getResult('a.json');
  await store.deleteResult('a.json');
  expect(urls).toEqual(['/docs/a%20b.jpg', ...Array(3).fill('/results/a.json')]);
});

test.each([
  [undefined, undefined, false],
  ['AES256', undefined, true],
  ['aws:kms', 'alias/results', true],
] as const)(
  'a bucket that wants encryption takes results with %s %s: %s',
  async (algorithm, kmsKeyId, isTaken) => {
    const encryption = algorithm && { algorithm, kmsKeyId };
    const { s3, store } = await start({ encryption });
    s3.setFaults({
      rules: [
        {
          fault: 'AccessDenied',
          endpoint: 'put',
          match: (put) => put.encryption !== algorithm || !algorithm,
        },
      ],
    });
    const put = store.putResult('a.json', ['{}']);
    if (isTaken) await put;
    else expect((await errorOf(put)).message).toContain('RESULTS_SSE');
    expect(s3.list('results')).toEqual(isTaken ? ['a.json'] : []);
  },
);

test('the key of the encryption is sent with each result', async () => {
  const s3 = await startScriptedS3();
  const encryption = { algorithm: 'aws:kms', kmsKeyId: 'alias/results' } as const;
  await openStore(s3, { encryption }).putResult('a.json', ['{}']);
  expect(s3.lastHeaders).toMatchObject({
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': 'alias/results',
    authorization: expect.stringContaining('x-amz-server-side-encryption-aws-kms-key-id'),
  });
});

test('Atlas gets URLs at the public name of a store, and we ask at ours', async () => {
  const { s3, store } = await start({ publicEndpoint: 'https://s3.example.com' });
  s3.put('kyc-documents', 'pan.jpg', 'scan');
  const [url = ''] = await store.presign([{ bucket: 'kyc-documents', key: 'pan.jpg' }]);
  const { origin, pathname, searchParams } = new URL(url);
  expect([origin, pathname]).toEqual(['https://s3.example.com', '/kyc-documents/pan.jpg']);
  expect(searchParams.get('X-Amz-SignedHeaders')).toBe('host');
  expect(s3.requests.count('head', 200)).toBe(1);
});

test.each([
  ['https://atlas.example.com', undefined, true],
  ['https://atlas.example.com', 'http://localhost:9000', true],
  ['https://atlas.example.com', 'https://s3.example.com', false],
  ['http://127.0.0.1:4010', undefined, false],
  ['http://[::1]:4010', undefined, false],
])(
  'Atlas at %s that gets URLs at %s is warned about: %s',
  async (atlas, publicEndpoint, isIssue) => {
    const { store } = await start({ publicEndpoint });
    const issue = await publicAddressIssue(store, atlas);
    expect(issue !== undefined).toBe(isIssue);
    if (isIssue)
      expect(issue).toMatch(
        /^Atlas at atlas.example.com gets URLs at http:\/\/.*set S3_PUBLIC_ENDPOINT_URL/,
      );
  },
);
