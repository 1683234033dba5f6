import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { type S3FaultRule, startS3Simulator } from '../../../src/simulator/index.js';
import { sdkClient } from './s3-clients.js';

async function start(...rules: S3FaultRule[]) {
  const s3 = await startS3Simulator();
  onTestFinished(() => s3.stop());
  s3.put('kyc', 'pan.jpg', 'a scan');
  s3.setFaults({ rules });
  return { s3, client: sdkClient(s3) };
}

const PAN = { Bucket: 'kyc', Key: 'pan.jpg' };
const NEW = { Bucket: 'kyc', Key: 'new', Body: 'x' };

it.each([
  [503, 'SlowDown'],
  [409, 'ConditionalRequestConflict'],
  [403, 'AccessDenied'],
  [500, 'InternalError'],
] as const)('the status fault %i has the error document of S3', async (fault, name) => {
  const { s3, client } = await start({ endpoint: 'get', fault });
  await expect(client.send(new GetObjectCommand(PAN))).rejects.toMatchObject({
    name,
    $metadata: { httpStatusCode: fault },
  });
  await client.send(new HeadObjectCommand(PAN));
  s3.clearFaults();
  await client.send(new GetObjectCommand(PAN));
  expect(s3.faultsFired()).toEqual({ [fault]: 1 });
});

it('the simulated S3 does nothing of a late request before its time', async () => {
  let arrive = () => {};
  const until = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const { s3, client } = await start(
    { fault: 'late', endpoint: 'put', times: 1, until },
    { fault: 'late', endpoint: 'put', delayMs: 1 },
  );
  const late = client.send(new PutObjectCommand(NEW));
  await client.send(new PutObjectCommand({ ...NEW, Body: 'sooner' }));
  expect(String(s3.get('kyc', 'new')?.body)).toBe('sooner');
  arrive();
  await late;
  expect(String(s3.get('kyc', 'new')?.body)).toBe('x');
});

it('the simulated S3 cuts the connection before or after the object is stored', async () => {
  const { s3, client } = await start(
    { fault: 'reset-before', times: 1 },
    { fault: 'reset-after', times: 1 },
  );
  await expect(client.send(new PutObjectCommand(NEW))).rejects.toThrow();
  expect(s3.get('kyc', 'new')).toBeUndefined();
  await expect(client.send(new PutObjectCommand(NEW))).rejects.toThrow();
  expect(s3.get('kyc', 'new')?.body.toString()).toBe('x');
  expect(s3.requests.table()).toEqual({ put: { 0: 2 } });
});

it('the simulated S3 cuts a body in the middle', async () => {
  const { client } = await start({ fault: 'cut-body' });
  const got = await client.send(new GetObjectCommand(PAN));
  await expect(got.Body?.transformToString()).rejects.toThrow();
});

it('the simulated S3 stops although it never answers a request', async () => {
  const { s3, client } = await start({ fault: 'hang', match: ({ key }) => key === 'pan.jpg' });
  const hanging = expect(client.send(new GetObjectCommand(PAN))).rejects.toThrow();
  await client.send(new PutObjectCommand(NEW));
  await s3.stop();
  await s3.stop();
  await hanging;
});
