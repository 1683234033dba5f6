import { readFileSync } from 'node:fs';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect, it, onTestFinished } from 'vitest';
import { type S3FaultRule, startS3Simulator } from '../../../src/simulator/index.js';
import { fetchRaw, sdkClient } from './s3-clients.js';

const PAN = { Bucket: 'kyc-documents', Key: 'pan.jpg' };

async function start(...rules: S3FaultRule[]) {
  const s3 = await startS3Simulator();
  onTestFinished(() => s3.stop());
  s3.put(PAN.Bucket, PAN.Key, 'a scan');
  s3.setFaults({ rules });
  return { s3, client: sdkClient(s3) };
}

const [, ofS3 = ''] = readFileSync('docs/testing.md', 'utf8').split('\n## S3');
const recipes = [...ofS3.matchAll(/`(\{ fault: [^`]+)`/g)].map(([, recipe = '']) => recipe);

it.each(recipes)('the recipe %s of the docs is a fault of S3 that happens', async (recipe) => {
  const rule: S3FaultRule = new Function(`return ${recipe}`)();
  const { s3, client } = await start(rule);
  const url = await getSignedUrl(client, new GetObjectCommand(PAN));
  const put = { Bucket: 'atlas-results', Key: 'a.json', Body: 'x' };
  // One that hangs, or is cut, ends with the simulator.
  const tried = Promise.allSettled([
    client.send(new HeadObjectCommand(PAN)),
    client.send(new PutObjectCommand(put)),
    fetchRaw(url),
  ]);
  while (!s3.faultsFired()[String(rule.fault)]) {
    if (rule.probability) void fetchRaw(url).catch(() => {});
    await new Promise(setImmediate);
  }
  await s3.stop();
  await tried;
});

it('the docs have a recipe for every habit of S3', () => {
  expect(recipes.length).toBeGreaterThan(12);
});

it('an archived object is there, says so, and is not given', async () => {
  const { client } = await start({ fault: 'archived' });
  const head = await client.send(new HeadObjectCommand(PAN));
  expect(head).toMatchObject({ StorageClass: 'GLACIER', ContentLength: 6 });
  await expect(client.send(new GetObjectCommand(PAN))).rejects.toMatchObject({
    name: 'InvalidObjectState',
    $metadata: { httpStatusCode: 403 },
  });
});

it.each([
  [301, 'PermanentRedirect'],
  [400, 'AuthorizationHeaderMalformed'],
] as const)(
  'a bucket in another region answers %i %s and its region, and serves who signs for it',
  async (status, name) => {
    const region = 'eu-west-1';
    const { s3, client } = await start({ fault: 'another-region', region, status });
    const thrown = await client.send(new GetObjectCommand(PAN)).catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      name,
      $response: { statusCode: status, headers: { 'x-amz-bucket-region': region } },
    });
    const got = await sdkClient(s3, { region }).send(new GetObjectCommand(PAN));
    expect(await got.Body?.transformToString()).toBe('a scan');
  },
);

it('rules see where the signature is, and what encryption a PUT asks for', async () => {
  const { s3, client } = await start(
    { fault: 'AccessDenied', match: ({ signedIn }) => signedIn === 'query' },
    { fault: 'AccessDenied', endpoint: 'put', match: ({ encryption }) => encryption !== 'aws:kms' },
  );
  await client.send(new GetObjectCommand(PAN));
  const url = await getSignedUrl(client, new GetObjectCommand(PAN));
  expect((await fetchRaw(url)).body).toContain('<Code>AccessDenied</Code>');
  const put = { ...PAN, Key: 'new', Body: 'x' };
  await expect(client.send(new PutObjectCommand(put))).rejects.toMatchObject({
    name: 'AccessDenied',
  });
  await client.send(new PutObjectCommand({ ...put, ServerSideEncryption: 'aws:kms' }));
  expect(s3.list(PAN.Bucket)).toEqual(['new', 'pan.jpg']);
});

it('a refusal by name has the status and the document of S3', async () => {
  const { client } = await start({ fault: 'ExpiredToken' });
  await expect(client.send(new GetObjectCommand(PAN))).rejects.toMatchObject({
    name: 'ExpiredToken',
    $metadata: { httpStatusCode: 400 },
  });
});
