/** Against an S3 with its habits: what it says of objects, and what it says of us. */
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type S3FaultRule,
  type S3Simulator,
  startS3Simulator,
} from '../../../src/simulator/index.js';
import { BucketRegions } from '../../../src/storage/bucket-regions.js';
import { ObjectCheck } from '../../../src/storage/checks/check-object.js';
import { DeniedKeys } from '../../../src/storage/checks/denied-keys.js';
import { ReadableObjects } from '../../../src/storage/checks/readable-objects.js';
import { createObjectStore, type ObjectStore } from '../../../src/storage/object-store.js';
import { createS3Http } from '../../../src/storage/s3-http.js';
import { SdkClients } from '../../../src/storage/sdk-clients.js';
import { createSigner } from '../../../src/storage/signer.js';
import { errorOf, openStore, verdictsOf } from '../open-store.js';
import { startScriptedS3 } from '../scripted-s3.js';

const BUCKET = 'kyc-documents';
const at = (key: string) => ({ bucket: BUCKET, key });

interface Setting {
  s3: S3Simulator;
  store: ObjectStore;
  requests: () => Record<string, Record<number, number>>;
  /** A check of single objects with a clock of its own, and how time passes on it. */
  check: ObjectCheck;
  pass: (ms: number) => void;
}

async function start(...rules: S3FaultRule[]): Promise<Setting> {
  const s3 = await startS3Simulator();
  onTestFinished(() => s3.stop());
  const { accessKeyId, secretAccessKey, region, url } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  const store = createObjectStore({
    resultsBucket: 'results',
    presignExpiresSeconds: 600,
    forcePathStyle: true,
    connections: 32,
    logger: { warn: () => {} },
    clientConfig: { region, endpoint: url, credentials },
  });
  onTestFinished(() => store.close());
  const clients = new SdkClients({ region, endpoint: url, credentials, forcePathStyle: true });
  const regions = new BucketRegions();
  const signer = createSigner(clients, { regions });
  const http = createS3Http({ signer, regions, connections: 8, timeoutMs: 5000 });
  onTestFinished(() => {
    http.close();
    clients.destroy();
  });
  let now = 0;
  const clock = () => now;
  const [readable, unlocked] = [new ReadableObjects(clock), new ReadableObjects(clock)];
  const check = new ObjectCheck(http, readable, new DeniedKeys(clock), unlocked);
  const pass = (ms: number) => {
    now += ms;
  };
  for (const key of ['pan.jpg', 'aadhaar.jpg', 'secret.jpg']) s3.put(BUCKET, key, `scan of ${key}`);
  s3.put(BUCKET, 'empty.jpg', '');
  s3.setFaults({ rules });
  return { s3, store, requests: () => s3.requests.table(), check, pass };
}

const deny = (key: string): S3FaultRule => ({
  fault: 'AccessDenied',
  match: (request) => request.key === key,
});

test('archived, empty and absent objects are told apart by HEAD, and empty and absent ones are asked for a byte', async () => {
  const archived: S3FaultRule = { fault: 'archived', match: ({ key }) => key === 'pan.jpg' };
  const { store, requests } = await start(archived);
  const objects = ['pan.jpg', 'empty.jpg', 'gone.jpg', 'aadhaar.jpg'].map(at);
  expect(await verdictsOf(store, objects)).toEqual(['archived', 'empty', 'absent', 'readable']);
  expect(requests()).toEqual({ head: { 200: 3, 404: 1 }, get: { 404: 1, 416: 1 } });
});

test('an object that wants a key of its own (SSE-C) can be read by nobody', async () => {
  const { store, requests } = await start({
    fault: 'sealed',
    match: ({ key }) => key === 'pan.jpg',
  });
  expect(await verdictsOf(store, ['pan.jpg', 'aadhaar.jpg'].map(at))).toEqual([
    'sealed',
    'readable',
  ]);
  expect(requests()).toEqual({ head: { 200: 1, 400: 1 }, get: { 400: 1 } });
});

test.each(['locked', 'KMS.DisabledException'] as const)(
  'a key of KMS that cannot be used (%s) is found out before anything is sent, although HEAD finds the object',
  async (fault) => {
    const locked: S3FaultRule = { fault, match: ({ key }) => key === 'pan.jpg' };
    // The header of HEAD, and a refusal that is not of the permission.
    const disabled: S3FaultRule = { ...locked, endpoint: 'get' };
    const rules: S3FaultRule[] =
      fault === 'locked' ? [locked] : [disabled, { ...locked, fault: 'locked' }];
    const { s3, check, pass } = await start(...rules);
    const pan = at('pan.jpg');
    const { message } = await errorOf(check.verdictOn(pan));
    expect(message).toMatch(
      fault === 'locked'
        ? /403 AccessDenied; the role needs s3:GetObject there, kms:Decrypt where a KMS key/
        : /400 KMS\.DisabledException; enable the KMS key, or correct its name/,
    );
    await check.verdictOn(at('aadhaar.jpg'));
    expect(await check.verdictOn(pan)).toBe('doubtful');
    pass(10_000);
    expect(await check.verdictOn(pan)).toBe('locked');
    s3.clearFaults();
    expect(await check.verdictOn(pan)).toBe('readable');
  },
);

test('a key of KMS is tried by a byte once in five minutes, and not once per object', async () => {
  const encrypted: S3FaultRule = { fault: 'locked', endpoint: 'head' };
  const { s3, check, pass } = await start(encrypted);
  const reads = () => s3.requests.count('get');
  for (const key of ['pan.jpg', 'aadhaar.jpg', 'secret.jpg', 'pan.jpg']) {
    expect(await check.verdictOn(at(key))).toBe('readable');
  }
  expect(reads()).toBe(1);
  pass(5 * 60_000 + 1);
  await check.verdictOn(at('pan.jpg'));
  expect(reads()).toBe(2);
});

test('an object of which HEAD alone says that it has no bytes is none that is empty', async () => {
  const s3 = await startScriptedS3();
  s3.objects.set('docs/pan.jpg', Buffer.from('scan'));
  s3.fault = ({ method }, response) => {
    if (method === 'HEAD') response.writeHead(200, { 'content-length': '0' }).end();
    return method === 'HEAD';
  };
  const objects = [{ bucket: 'docs', key: 'pan.jpg' }];
  expect(await verdictsOf(openStore(s3), objects)).toEqual(['readable']);
});

test('an object is absent when S3 says so, and not when a gateway before it does', async () => {
  const { s3, store } = await start({ fault: 404, body: 'html' });
  expect((await errorOf(verdictsOf(store, [at('pan.jpg')]))).message).toBe(
    'GET s3://kyc-documents/pan.jpg: S3 answered 404; correct AWS_ENDPOINT_URL_S3: what is there does not answer as S3 does',
  );
  s3.setFaults({ rules: [{ fault: 404, endpoint: 'head' }] });
  expect(await verdictsOf(store, ['pan.jpg', 'gone.jpg'].map(at))).toEqual(['readable', 'absent']);
});

test('nothing is asked of S3 for a key that HTTP clients resolve to another', async () => {
  const { store, requests } = await start();
  expect(await verdictsOf(store, ['a/../pan.jpg', './pan.jpg'].map(at))).toEqual([
    'dotted',
    'dotted',
  ]);
  expect(requests()).toEqual({});
});

describe('a refusal', () => {
  test('of this key alone makes it unreadable, when it lasts while another object of the bucket can be read', async () => {
    const { s3, check, pass } = await start(deny('secret.jpg'));
    const secret = at('secret.jpg');
    const refusal = async () => (await errorOf(check.verdictOn(secret))).message;
    // Nothing was read yet: it may be the role.
    expect(await refusal()).toContain(
      'GET s3://kyc-documents/secret.jpg: S3 answered 403 AccessDenied',
    );
    pass(60_000);
    expect(await check.verdictOn(at('pan.jpg'))).toBe('readable');
    expect(await check.verdictOn(secret)).toBe('doubtful');
    pass(9_999);
    expect(await check.verdictOn(secret)).toBe('doubtful');
    // Meanwhile it is the role: all begins anew.
    s3.setFaults({ rules: [{ fault: 'AccessDenied' }] });
    await refusal();
    s3.setFaults({ rules: [deny('secret.jpg')] });
    pass(60_000);
    expect(await check.verdictOn(secret)).toBe('doubtful');
    pass(10_000);
    expect(await check.verdictOn(secret)).toBe('denied');
    s3.clearFaults();
    expect(await check.verdictOn(secret)).toBe('readable');
    // What was read long ago is no sign of what the role may read now.
    s3.setFaults({ rules: [deny('secret.jpg')] });
    await check.verdictOn(at('pan.jpg'));
    expect(await check.verdictOn(secret)).toBe('doubtful');
    pass(4 * 60_000);
    expect(await check.verdictOn(secret)).toBe('denied');
    pass(4 * 60_000);
    expect(await check.verdictOn(secret)).toBe('denied');
    pass(5 * 60_000 + 1);
    await refusal();
  });

  test('of the role is an error of S3, also of objects beside those that could be read before', async () => {
    const { s3, store } = await start();
    await verdictsOf(store, [at('pan.jpg')]);
    s3.setFaults({ rules: [{ fault: 'AccessDenied' }] });
    for (const key of ['aadhaar.jpg', 'pan.jpg', 'gone.jpg']) {
      expect((await errorOf(verdictsOf(store, [at(key)]))).message).toContain('AccessDenied');
    }
  });

  test('that ends while we ask makes nothing unreadable', async () => {
    const { s3, store } = await start();
    await verdictsOf(store, [at('pan.jpg')]);
    // HEAD and GET are refused; then the role has its permission.
    s3.setFaults({ rules: [{ fault: 'AccessDenied', times: 2 }] });
    expect(await verdictsOf(store, [at('aadhaar.jpg')])).toEqual(['readable']);
  });

  test('of HEAD only is none of the object', async () => {
    const { store } = await start({ fault: 403, endpoint: 'head' });
    expect(await verdictsOf(store, ['pan.jpg', 'empty.jpg', 'gone.jpg'].map(at))).toEqual([
      'readable',
      'empty',
      'absent',
    ]);
  });

  test.each([
    ['ExpiredToken', 'AWS_ACCESS_KEY_ID'],
    ['InvalidAccessKeyId', 'AWS_ACCESS_KEY_ID'],
    ['InvalidToken', 'AWS_ACCESS_KEY_ID'],
    ['SignatureDoesNotMatch', 'AWS_ACCESS_KEY_ID'],
    ['RequestTimeTooSkewed', 'set the clock'],
  ] as const)('of our credentials or clock is never of the object: %s', async (fault, advice) => {
    const { s3, store } = await start();
    await verdictsOf(store, [at('pan.jpg')]);
    s3.setFaults({ rules: [{ fault, match: ({ key }) => key !== 'pan.jpg' }] });
    const error = await errorOf(verdictsOf(store, [at('aadhaar.jpg')]));
    expect(error.message).toContain(fault);
    expect(error.message).toContain(advice);
  });
});

describe.each([301, 400] as const)('a bucket in another region that S3 names by %i', (status) => {
  const elsewhere: S3FaultRule = { fault: 'another-region', region: 'eu-west-1', status };

  test('is followed by all that is asked and signed, at the cost of one request', async () => {
    const { s3, store, requests } = await start(elsewhere);
    expect(await verdictsOf(store, ['pan.jpg', 'gone.jpg'].map(at))).toEqual([
      'readable',
      'absent',
    ]);
    expect(store.learntRegion(BUCKET)).toBe('eu-west-1');
    const refusals = requests().head?.[status] ?? 0;
    expect(refusals).toBeGreaterThan(0);
    await verdictsOf(store, [at('aadhaar.jpg')]);
    expect(requests().head?.[status]).toBe(refusals);
    const [url = ''] = await store.presign([at('pan.jpg')]);
    expect(new URL(url).searchParams.get('X-Amz-Credential')).toContain('/eu-west-1/s3/');
    expect((await fetch(url)).status).toBe(200);

    await store.putResult('a.json', ['{}']);
    expect(s3.get('results', 'a.json')?.body.toString()).toBe('{}');
    expect(await store.getResult('a.json')).not.toBeNull();
  });

  test('is known before a URL goes to Atlas, in a process that checked nothing', async () => {
    const { store } = await start(elsewhere);
    const [url = ''] = await store.presign([at('pan.jpg'), at('aadhaar.jpg')]);
    expect((await fetch(url)).status).toBe(200);
  });
});

test('a region that S3 does not name, or names as a host, is not followed', async () => {
  const { s3, store } = await start({ fault: 'PermanentRedirect' });
  expect((await errorOf(verdictsOf(store, [at('pan.jpg')]))).message).toContain('set AWS_REGION');
  const region = 'evil.example.com';
  s3.setFaults({ rules: [{ fault: 'another-region', region }] });
  expect((await errorOf(verdictsOf(store, [at('pan.jpg')]))).message).toContain('set AWS_REGION');
  expect(store.learntRegion(BUCKET)).toBeUndefined();
});

test('URLs are signed only by credentials that could read the bucket a minute ago', async () => {
  const { s3, store, requests } = await start({ fault: 'InvalidAccessKeyId' });
  expect((await errorOf(store.presign([at('pan.jpg')]))).message).toContain('InvalidAccessKeyId');
  s3.clearFaults();
  await store.presign(['pan.jpg', 'aadhaar.jpg'].map(at));
  await store.presign([at('secret.jpg')]);
  expect(requests().head).toEqual({ 200: 1, 403: 1 });
});

test('a store knows which objects it has found readable', async () => {
  const { store } = await start(deny('secret.jpg'));
  const objects = ['pan.jpg', 'secret.jpg', 'empty.jpg', 'gone.jpg'].map(at);
  expect(objects.map((object) => store.hasRead(object))).toEqual([false, false, false, false]);
  await verdictsOf(store, [at('pan.jpg')]);
  await verdictsOf(store, objects);
  expect(objects.map((object) => store.hasRead(object))).toEqual([true, false, false, false]);
});

test('the check goes on telling of what is under way when one object fails', async () => {
  const { s3, store } = await start();
  const objects = Array.from({ length: 40 }, (_, n) => at(`${n}.jpg`));
  for (const { key } of objects) s3.put(BUCKET, key, 'scan');
  s3.setFaults({ rules: [{ fault: 'ExpiredToken', match: ({ key }) => key === '3.jpg' }] });
  const told: number[] = [];
  const checking = store.check(objects, (position) => told.push(position));
  expect((await errorOf(checking)).message).toContain('ExpiredToken');
  expect(told.length).toBeGreaterThanOrEqual(15);
  expect(told).not.toContain(3);
});
