/** Against an S3 that verifies every signature, with a verifier of its own. */
import { request } from 'node:http';
import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { TransientError } from '../../src/errors.js';
import { type S3Simulator, startS3Simulator } from '../../src/simulator/index.js';
import { createObjectStore, type ObjectStore } from '../../src/storage/object-store.js';
import { SdkClients } from '../../src/storage/sdk-clients.js';
import { createSigner } from '../../src/storage/signer.js';
import { keys, ODD_KEYS } from './odd-keys.js';
import { verdictsOf } from './open-store.js';

const BUCKET = 'kyc-documents';
const RESULTS = 'atlas-results';

interface Setting {
  s3: S3Simulator;
  clientConfig: S3ClientConfig;
  store: ObjectStore;
}

async function start(
  options: { pathStyle?: boolean; sessionToken?: string; clock?: () => number } = {},
  overrides: S3ClientConfig = {},
): Promise<Setting> {
  const { pathStyle = true, sessionToken, clock } = options;
  const s3 = await startS3Simulator({ buckets: [BUCKET, RESULTS], sessionToken, clock });
  onTestFinished(() => s3.stop());
  const { accessKeyId, secretAccessKey, region, port } = s3;
  const clientConfig: S3ClientConfig = {
    region,
    endpoint: pathStyle ? s3.url : `http://localhost:${port}`,
    forcePathStyle: pathStyle,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...overrides,
  };
  const store = createObjectStore({
    resultsBucket: RESULTS,
    presignExpiresSeconds: 600,
    forcePathStyle: pathStyle,
    connections: 8,
    logger: { warn: () => {} },
    clientConfig,
  });
  onTestFinished(() => store.close());
  return { s3, clientConfig, store };
}

/** GET as Atlas would, but without a resolver that knows `<bucket>.localhost`. */
function fetchAsIs(url: string): Promise<{ status: number | undefined; body: string }> {
  const [, host = '', port, path = '/'] = /^http:\/\/([^/]*?:(\d+))(\/.*)$/.exec(url) ?? [];
  return new Promise((resolve, reject) => {
    const get = request({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
      response.setEncoding('utf8');
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    get.on('error', reject).end();
  });
}

describe.each([
  ['path style', { pathStyle: true }],
  ['virtual host', { pathStyle: false }],
  ['path style, temporary credentials', { pathStyle: true, sessionToken: "t+/=='()* " }],
  ['virtual host, temporary credentials', { pathStyle: false, sessionToken: 'token' }],
])('a pre-signed URL, %s', (_, options) => {
  test("a pre-signed URL is accepted, as getSignedUrl's is, and only as it was signed", async () => {
    const { s3, clientConfig } = await start(options);
    const client = new S3Client(clientConfig);
    onTestFinished(() => client.destroy());
    const clients = new SdkClients(clientConfig);
    onTestFinished(() => clients.destroy());
    const signer = createSigner(clients);
    await fc.assert(
      fc.asyncProperty(keys, async (key) => {
        s3.put(BUCKET, key, `scan of ${key}`);
        const url = await signer.presign({ bucket: BUCKET, key }, 600);
        expect(await fetchAsIs(url)).toEqual({ status: 200, body: `scan of ${key}` });
        const theirs = await getSignedUrl(
          client,
          new GetObjectCommand({ Bucket: BUCKET, Key: key }),
        );
        expect(await fetchAsIs(theirs)).toEqual({ status: 200, body: `scan of ${key}` });
        expect((await fetchAsIs(url.replace('?', 'x?'))).status).toBe(403);
      }),
      { numRuns: 30 },
    );
  });
});

test('a pre-signed URL dies at its time', async () => {
  let laterMs = 0;
  const { s3, store } = await start({ clock: () => Date.now() + laterMs });
  s3.put(BUCKET, 'pan.jpg', 'scan');
  const [url = ''] = await store.presign([{ bucket: BUCKET, key: 'pan.jpg' }]);
  laterMs = 590_000;
  expect((await fetchAsIs(url)).status).toBe(200);
  laterMs = 602_000;
  expect((await fetchAsIs(url)).status).toBe(403);
});

test('objects under odd keys are found, and their neighbours are not', async () => {
  const { s3, store } = await start();
  for (const key of ODD_KEYS) s3.put(BUCKET, key, 'scan');
  const there = ODD_KEYS.map((key) => ({ bucket: BUCKET, key }));
  const absent = ODD_KEYS.map((key) => ({ bucket: BUCKET, key: `x${key}`.slice(0, 1000) }));
  // Nothing is asked for a key that HTTP clients resolve to another.
  const said = (key: string, verdict: string) => (key.includes('../up') ? 'dotted' : verdict);
  const verdicts = await verdictsOf(store, there);
  expect(verdicts).toEqual(ODD_KEYS.map((key) => said(key, 'readable')));
  const absences = absent.map(({ key }) => said(key, 'absent'));
  expect(await verdictsOf(store, absent)).toEqual(absences);
  const nowhere = [{ bucket: 'no-such-bucket', key: 'pan.jpg' }];
  expect(await verdictsOf(store, nowhere)).toEqual(['absent']);
});

test('results of any size under odd keys come back as they were stored', async () => {
  const { s3, store } = await start();
  for (const [index, key] of ODD_KEYS.entries()) {
    const text = 'ü'.repeat(index * 100_000);
    await store.putResult(key, [text]);
    expect(s3.get(RESULTS, key)).toMatchObject({ contentType: 'application/json' });
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await store.getResult(key)) ?? []) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString() === text).toBe(true);
  }
  expect(await store.getResult('none.json')).toBeNull();
});

test.each([{ accessKeyId: 'AKID' }, { secretAccessKey: 'x' }])(
  'the error of wrong credentials of S3 says which variables to check',
  async (wrong) => {
    const credentials = {
      accessKeyId: 'simulator-access-key',
      secretAccessKey: 'simulator-secret-key',
    };
    const { store } = await start({}, { credentials: { ...credentials, ...wrong } });
    const error = await store.putResult('x.json', ['{}']).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).toContain('check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  },
);
