import { createHash } from 'node:crypto';
import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseRequest } from '../../src/simulator/s3/s3-request.js';
import { SignatureVerifier } from '../../src/simulator/s3/sigv4.js';
import { BucketRegions } from '../../src/storage/bucket-regions.js';
import { SdkClients } from '../../src/storage/sdk-clients.js';
import { createSigner } from '../../src/storage/signer.js';
import { keys } from './odd-keys.js';
import { startScriptedS3 } from './scripted-s3.js';

const WEEK_SECONDS = 604_800;
const SIGNED_AT = new Date('2026-11-23T12:00:00Z');

const DEFAULTS = {
  region: 'ap-south-1',
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
};

/** The signer's clients, and one of the SDK with the same configuration. */
function openClients(config: S3ClientConfig): { clients: SdkClients; client: S3Client } {
  const clients = new SdkClients({ ...DEFAULTS, ...config });
  const client = new S3Client({ ...DEFAULTS, ...config });
  onTestFinished(() => {
    clients.destroy();
    client.destroy();
  });
  return { clients, client };
}

const temporary = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'secret',
  sessionToken: "t+/=='()!*",
  expiration: new Date('2099-01-01'),
};

const STYLES: [string, S3ClientConfig][] = [
  ['AWS, virtual host', {}],
  ['AWS, path', { forcePathStyle: true }],
  ['AWS, dualstack', { useDualstackEndpoint: true }],
  ['AWS, FIPS', { useFipsEndpoint: true, region: 'us-east-1' }],
  ['AWS, accelerated', { useAccelerateEndpoint: true }],
  ['AWS, China', { region: 'cn-north-1' }],
  ['AWS, the old global region', { region: 'us-east-1' }],
  ['AWS, temporary credentials', { credentials: temporary }],
  ['AWS, credentials by a provider', { credentials: async () => temporary }],
  ['a key id with slashes', { credentials: { accessKeyId: 'a/b/c', secretAccessKey: 'secret' } }],
  ['custom endpoint, virtual host', { endpoint: 'https://s3.example.com' }],
  ['custom endpoint, path', { endpoint: 'https://s3.example.com', forcePathStyle: true }],
  ['custom endpoint, port', { endpoint: 'http://localhost:9000', forcePathStyle: true }],
  ['custom endpoint, default port', { endpoint: 'http://s3.example.com:80' }],
  ['custom endpoint, address', { endpoint: 'http://127.0.0.1:9000', forcePathStyle: true }],
  ['custom endpoint, path below', { endpoint: 'https://proxy.example.com/s3/x' }],
  ['SDK that checks checksums', { responseChecksumValidation: 'WHEN_SUPPORTED' }],
  ['SDK that adds checksums', { requestChecksumCalculation: 'WHEN_SUPPORTED' }],
];

const BUCKETS = [
  'kyc-documents',
  'with.dots.example',
  'Old_Bucket',
  'arn:aws:s3:ap-south-1:123456789012:accesspoint/kyc',
];

const NO_PAYLOAD = createHash('sha256').digest('hex');
const UPLOAD = {
  headers: { 'content-type': 'application/json', 'x-amz-server-side-encryption': 'aws:kms' },
  payloadHash: createHash('sha256').update('{}').digest('hex'),
};

async function outcomeOf(url: Promise<string>): Promise<string> {
  return url.catch((error: unknown) => `refused: ${error}`);
}

describe.each(STYLES)('%s', (_, config) => {
  test('the signer gives the URL that getSignedUrl gives, or refuses what it refuses', async () => {
    const { clients, client } = openClients(config);
    const signer = createSigner(clients, { now: () => SIGNED_AT });
    const expiries = fc.integer({ min: 1, max: WEEK_SECONDS });
    let signed = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...BUCKETS), keys, expiries, async (bucket, key, life) => {
        const command = new GetObjectCommand({ Bucket: bucket, Key: key });
        const options = { expiresIn: life, signingDate: SIGNED_AT };
        const expected = await outcomeOf(getSignedUrl(client, command, options));
        const presign = () => outcomeOf(signer.presign({ bucket, key }, life));
        // The second time it is prepared for this bucket and life.
        expect(await presign()).toBe(expected);
        expect(await presign()).toBe(expected);
        if (!expected.startsWith('refused')) signed += 1;
      }),
      // Some styles refuse three of the four buckets: one that all sign is tried for certain.
      { numRuns: 20, examples: [['kyc-documents', 'pan.jpg', 60]] },
    );
    expect(signed).toBeGreaterThan(0);
  });

  test('requests are signed in their headers as S3 wants it, at the place that a URL names', async () => {
    const { clients } = openClients(config);
    const signer = createSigner(clients, { now: () => SIGNED_AT });
    const credentials = await clients.of().config.credentials();
    const methods = fc.constantFrom('GET', 'HEAD', 'DELETE', 'PUT');
    let signed = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...BUCKETS), keys, methods, async (bucket, key, method) => {
        const object = { bucket, key };
        const url = await outcomeOf(signer.presign(object, 60));
        const extra = method === 'PUT' ? UPLOAD : undefined;
        const request = signer.sign(method, object, extra);
        if (url.startsWith('refused')) {
          expect(await outcomeOf(request.then(({ path }) => path))).toBe(url);
          return;
        }
        const { origin, path, headers, region = '' } = await request;
        expect(origin + path).toBe(url.split('?')[0]);
        expect(headers).toMatchObject(extra?.headers ?? {});
        const service = url.includes('s3-object-lambda') ? 's3-object-lambda' : 's3';
        expect(headers.authorization).toContain(`/${region}/${service}/aws4_request, `);
        const { host } = new URL(origin);
        const received = parseRequest({ method, url: path, headers: { ...headers, host } });
        const verifier = new SignatureVerifier(credentials, region, () => SIGNED_AT.getTime());
        expect(verifier.verify(received)).toBe(extra?.payloadHash ?? NO_PAYLOAD);
        signed += 1;
      }),
      { numRuns: 40 },
    );
    expect(signed).toBeGreaterThan(0);
  });
});

test('the signer gives what getSignedUrl gives for a directory bucket, whose session it must open', async () => {
  const s3 = await startScriptedS3();
  const session =
    '<CreateSessionResult><Credentials><SessionToken>token</SessionToken>' +
    '<SecretAccessKey>secret</SecretAccessKey><AccessKeyId>ASIASESSION</AccessKeyId>' +
    '<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>';
  s3.fault = (_, response) => {
    response.end(session);
    return true;
  };
  const { clients, client } = openClients(s3.clientConfig);
  const object = { bucket: 'kyc--use1-az4--x-s3', key: 'a b.jpg' };
  const signer = createSigner(clients, { now: () => SIGNED_AT });
  const url = await signer.presign(object, 60);
  const command = new GetObjectCommand({ Bucket: object.bucket, Key: object.key });
  const options = { expiresIn: 60, signingDate: SIGNED_AT };
  expect(url).toContain('X-Amz-S3session-Token=token');
  expect(url).toBe(await getSignedUrl(client, command, options));

  const { origin, path, headers } = await signer.sign('PUT', object, UPLOAD);
  expect(origin + path.replace(/\?.*/, '')).toBe(url.split('?')[0]);
  expect(path).not.toMatch(/X-Amz-|token/i);
  expect(headers).toMatchObject({
    ...UPLOAD.headers,
    'x-amz-content-sha256': UPLOAD.payloadHash,
    'x-amz-s3session-token': 'token',
    authorization: expect.stringMatching(
      /Credential=ASIASESSION\/\d{8}\/us-east-1\/s3express\/.*x-amz-server-side-encryption/,
    ),
  });
});

test('the signer follows a bucket into the region that was learnt', async () => {
  const { clients } = openClients({});
  const regions = new BucketRegions();
  const signer = createSigner(clients, { regions });
  const object = { bucket: 'one', key: 'k' };
  const place = async () => {
    const { origin, headers } = await signer.sign('HEAD', object);
    const [region] = /[\w-]+(?=\/s3\/aws4_request)/.exec(headers.authorization ?? '') ?? [];
    return [origin, region, new URL(await signer.presign(object, 60)).origin];
  };
  const at = (region: string) => `https://one.s3.${region}.amazonaws.com`;
  expect(await place()).toEqual([at('ap-south-1'), 'ap-south-1', at('ap-south-1')]);
  expect(regions.learn('one', 'eu-west-1', 'ap-south-1')).toBe(true);
  expect(await place()).toEqual([at('eu-west-1'), 'eu-west-1', at('eu-west-1')]);
  for (const nonsense of ['eu-west-1', 'evil.example.com', 'a/b', '', undefined]) {
    expect(regions.learn('one', nonsense, 'eu-west-1')).toBe(false);
  }
  expect(regions.of('two')).toBeUndefined();
});

test('the signer asks for the endpoint once per bucket', async () => {
  let regions = 0;
  const region = async () => {
    regions += 1;
    return 'ap-south-1';
  };
  const signer = createSigner(openClients({ region }).clients);
  await signer.sign('HEAD', { bucket: 'one', key: 'k' });
  const first = regions;
  const more = Array.from({ length: 50 }, (_, n) => ({ bucket: 'one', key: String(n) }));
  await Promise.all(more.map((object) => signer.sign('GET', object)));
  expect(regions).toBe(first);
  await signer.sign('HEAD', { bucket: 'two', key: 'k' });
  expect(regions).toBeGreaterThan(first);
});

test('the signer does not remember a failure to find the endpoint', async () => {
  let calls = 0;
  const credentials = async () => {
    calls += 1;
    if (calls === 1) throw new Error('metadata service is away');
    return temporary;
  };
  const signer = createSigner(openClients({ credentials }).clients);
  const object = { bucket: 'one', key: 'k' };
  await expect(signer.sign('GET', object)).rejects.toThrow('away');
  await expect(signer.sign('GET', object)).resolves.toMatchObject({
    origin: 'https://one.s3.ap-south-1.amazonaws.com',
  });
});

test('the signer signs with new credentials before the old ones expire', async () => {
  let set = 0;
  const credentials = async () => {
    set += 1;
    // The SDK fetches anew from five minutes before the end.
    const lifeMs = set === 1 ? 60_000 : 3_600_000;
    return {
      ...temporary,
      accessKeyId: `ASIASET${set}`,
      expiration: new Date(Date.now() + lifeMs),
    };
  };
  const { clients } = openClients({ credentials });
  await clients.of().config.credentials();
  const url = await createSigner(clients).presign({ bucket: 'one', key: 'k' }, 60);
  expect(url).toContain('X-Amz-Credential=ASIASET2');
});

test('the signer asks for credentials once per second, and reports them', async () => {
  let date = SIGNED_AT;
  const told: unknown[] = [];
  const signer = createSigner(openClients({ credentials: temporary }).clients, {
    now: () => date,
    onCredentials: (...use) => told.push(use),
  });
  const sign = async (key: string) => {
    await signer.presign({ bucket: 'one', key }, 60);
  };
  for (const key of ['a', 'b', 'c']) await sign(key);
  expect(told).toEqual([[expect.objectContaining(temporary), 60]]);
  date = new Date(SIGNED_AT.getTime() + 1000);
  await sign('d');
  expect(told).toHaveLength(2);
});

test('the signer gives what getSignedUrl gives as time goes on, lives differ and credentials are renewed', async () => {
  let set = 1;
  const { clients, client } = openClients({
    credentials: async () => ({
      accessKeyId: `ASIASET${set}`,
      secretAccessKey: `secret ${set}`,
      // Never memoized: whenever the signer asks, it is asked.
      expiration: new Date(Date.now() + 60_000),
    }),
  });
  let date = SIGNED_AT;
  const signer = createSigner(clients, { now: () => date });
  const object = { bucket: 'one', key: 'a b.jpg' };
  const command = new GetObjectCommand({ Bucket: object.bucket, Key: object.key });
  const seen = new Set<string>();
  const compare = async (expiresIn: number) => {
    const url = await signer.presign(object, expiresIn);
    expect(url).toBe(await getSignedUrl(client, command, { expiresIn, signingDate: date }));
    seen.add(url);
  };
  await compare(60);
  await compare(61);
  date = new Date(SIGNED_AT.getTime() + 1000);
  await compare(61);
  date = new Date(SIGNED_AT.getTime() + 86_400_000);
  await compare(61);
  set = 2;
  date = new Date(date.getTime() + 1000);
  await compare(61);
  expect(seen.size).toBe(5);
});
