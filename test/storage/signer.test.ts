import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createSigner } from '../../src/storage/signer.js';
import { keys } from './odd-keys.js';
import { startScriptedS3 } from './scripted-s3.js';

const WEEK_SECONDS = 604_800;
const SIGNED_AT = new Date('2026-11-23T12:00:00Z');

function openClient(config: S3ClientConfig): S3Client {
  const client = new S3Client({
    region: 'ap-south-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    ...config,
  });
  onTestFinished(() => client.destroy());
  return client;
}

const temporary = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'secret',
  sessionToken: "t+/=='()!* é",
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

async function outcomeOf(url: Promise<string>): Promise<string> {
  return url.catch((error: unknown) => `refused: ${error}`);
}

describe.each(STYLES)('%s', (_, config) => {
  test('the signer gives the URL that getSignedUrl gives, or refuses what it refuses', async () => {
    const client = openClient(config);
    const signer = createSigner(client, { now: () => SIGNED_AT });
    const expiries = fc.integer({ min: 1, max: WEEK_SECONDS });
    let signed = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...BUCKETS), keys, expiries, async (bucket, key, life) => {
        const input = { Bucket: bucket, Key: key };
        const options = { expiresIn: life, signingDate: SIGNED_AT };
        const expected = {
          GET: await outcomeOf(getSignedUrl(client, new GetObjectCommand(input), options)),
          HEAD: await outcomeOf(getSignedUrl(client, new HeadObjectCommand(input), options)),
          PUT: await outcomeOf(getSignedUrl(client, new PutObjectCommand(input), options)),
        };
        for (const method of ['GET', 'HEAD', 'PUT'] as const) {
          const sign = async () => {
            const { origin, path } = await signer.sign(method, { bucket, key }, life);
            return origin + path;
          };
          // The second time it is prepared for this bucket and life.
          expect(await outcomeOf(sign())).toBe(expected[method]);
          const outcome = await outcomeOf(sign());
          expect(outcome).toBe(expected[method]);
          if (!outcome.startsWith('refused')) signed += 1;
        }
      }),
      { numRuns: 20 },
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
  const client = openClient(s3.clientConfig);
  const object = { bucket: 'kyc--use1-az4--x-s3', key: 'a b.jpg' };
  const { origin, path } = await createSigner(client, { now: () => SIGNED_AT }).sign(
    'GET',
    object,
    60,
  );
  const command = new GetObjectCommand({ Bucket: object.bucket, Key: object.key });
  const options = { expiresIn: 60, signingDate: SIGNED_AT };
  expect(path).toContain('X-Amz-S3session-Token=token');
  expect(origin + path).toBe(await getSignedUrl(client, command, options));
});

test('the signer asks for the endpoint once per bucket and method', async () => {
  let regions = 0;
  const region = async () => {
    regions += 1;
    return 'ap-south-1';
  };
  const signer = createSigner(openClient({ region }));
  await signer.sign('GET', { bucket: 'one', key: 'k' }, 60);
  const first = regions;
  const more = Array.from({ length: 50 }, (_, n) => ({ bucket: 'one', key: String(n) }));
  await Promise.all(more.map((object) => signer.sign('GET', object, 60)));
  expect(regions).toBe(first);
  await signer.sign('GET', { bucket: 'two', key: 'k' }, 60);
  expect(regions).toBeGreaterThan(first);
});

test('the signer does not remember a failure to find the endpoint', async () => {
  let calls = 0;
  const credentials = async () => {
    calls += 1;
    if (calls === 1) throw new Error('metadata service is away');
    return temporary;
  };
  const signer = createSigner(openClient({ credentials }));
  const object = { bucket: 'one', key: 'k' };
  await expect(signer.sign('GET', object, 60)).rejects.toThrow('away');
  await expect(signer.sign('GET', object, 60)).resolves.toMatchObject({
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
  const client = openClient({ credentials });
  await client.config.credentials();
  const { path } = await createSigner(client).sign('GET', { bucket: 'one', key: 'k' }, 60);
  expect(path).toContain('X-Amz-Credential=ASIASET2');
});

test('the signer asks for credentials once per second, and reports them', async () => {
  let date = SIGNED_AT;
  const told: unknown[] = [];
  const signer = createSigner(openClient({ credentials: temporary }), {
    now: () => date,
    onCredentials: (...use) => told.push(use),
  });
  const sign = async (key: string) => {
    await signer.sign('GET', { bucket: 'one', key }, 60);
  };
  for (const key of ['a', 'b', 'c']) await sign(key);
  expect(told).toEqual([[expect.objectContaining(temporary), 60]]);
  date = new Date(SIGNED_AT.getTime() + 1000);
  await sign('d');
  expect(told).toHaveLength(2);
});

test('the signer gives what getSignedUrl gives as time goes on, lives differ and credentials are renewed', async () => {
  let set = 1;
  const client = openClient({
    credentials: async () => ({
      accessKeyId: `ASIASET${set}`,
      secretAccessKey: `secret ${set}`,
      // Never memoized: whenever the signer asks, it is asked.
      expiration: new Date(Date.now() + 60_000),
    }),
  });
  let date = SIGNED_AT;
  const signer = createSigner(client, { now: () => date });
  const object = { bucket: 'one', key: 'a b.jpg' };
  const command = new GetObjectCommand({ Bucket: object.bucket, Key: object.key });
  const seen = new Set<string>();
  const compare = async (expiresIn: number) => {
    const { origin, path } = await signer.sign('GET', object, expiresIn);
    expect(origin + path).toBe(
      await getSignedUrl(client, command, { expiresIn, signingDate: date }),
    );
    seen.add(path);
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
