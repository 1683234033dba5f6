/** Results under a condition: what another worker stored meanwhile is not replaced. */
import { expect, onTestFinished, test } from 'vitest';
import { type S3SimulatorOptions, startS3Simulator } from '../../../src/simulator/index.js';
import { createObjectStore } from '../../../src/storage/object-store.js';
import { openStore } from '../open-store.js';
import { startScriptedS3 } from '../scripted-s3.js';

const ABSENT = { kind: 'absent' } as const;

async function open(options: S3SimulatorOptions = {}) {
  const s3 = await startS3Simulator(options);
  onTestFinished(() => s3.stop());
  const warnings: string[] = [];
  const store = createObjectStore({
    resultsBucket: 'results',
    presignExpiresSeconds: 3600,
    forcePathStyle: true,
    connections: 4,
    logger: { warn: (_: object, message: string) => void warnings.push(message) },
    clientConfig: {
      region: s3.region,
      endpoint: s3.url,
      credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
    },
  });
  onTestFinished(() => store.close());
  const stored = () => String(s3.get('results', 'k')?.body);
  return { s3, store, warnings, stored };
}

test('a result is stored where none is, or in the place of the one that is meant', async () => {
  const { store, stored } = await open();
  const poor = await store.conditionOf('k');
  expect(await store.putResult('k', ['poor'], { condition: ABSENT })).toBe('stored');
  expect(poor).toEqual(ABSENT);
  const condition = await store.conditionOf('k');
  expect(condition).toMatchObject({ kind: 'match' });
  expect(await store.putResult('k', ['rich'], { condition })).toBe('stored');
  for (const late of [ABSENT, condition]) {
    expect(await store.putResult('k', ['poor'], { condition: late })).toBe('changed');
  }
  expect(stored()).toBe('rich');
});

test('a result that is gone was changed, and there is none then', async () => {
  const { s3, store, stored } = await open({ buckets: ['results'] });
  expect(await store.conditionOf('k')).toEqual(ABSENT);
  const gone = { kind: 'match', etag: '"0"' } as const;
  expect(await store.putResult('k', ['x'], { condition: gone })).toBe('changed');
  expect(s3.requests.count('put')).toBe(1);
  expect(await store.putResult('k', ['x'])).toBe('stored');
  expect(stored()).toBe('x');
});

test('an ETag that a proxy has weakened is compared as S3 gave it', async () => {
  const s3 = await startScriptedS3();
  s3.fault = ({ method }, response) => {
    if (method === 'HEAD') response.writeHead(200, { etag: 'W/"0af1"' }).end();
    return method === 'HEAD';
  };
  expect(await openStore(s3).conditionOf('k')).toEqual({ kind: 'match', etag: '"0af1"' });
});

test('a role that may not read what is there replaces it', async () => {
  const { s3, store } = await open();
  await store.putResult('k', ['x']);
  s3.setFaults({ rules: [{ fault: 403, endpoint: 'head' }] });
  expect(await store.conditionOf('k')).toEqual({ kind: 'none' });
});

test('a conflict of two uploads is tried again', async () => {
  const { s3, store } = await open();
  s3.setFaults({ rules: [{ fault: 409, times: 1 }] });
  expect(await store.putResult('k', ['x'], { condition: ABSENT })).toBe('stored');
});

test('an upload that was stored although its response was lost counts as changed', async () => {
  const { s3, store } = await open();
  s3.setFaults({ rules: [{ fault: 'reset-after', times: 1 }] });
  expect(await store.putResult('k', ['x'], { condition: ABSENT })).toBe('changed');
});

test('a store that knows no conditions is asked without, and that is said once', async () => {
  const { s3, store, warnings, stored } = await open({ conditionalWrites: 'not-implemented' });
  for (const text of ['one', 'two']) {
    expect(await store.putResult('k', [text], { condition: ABSENT })).toBe('stored');
  }
  expect(stored()).toBe('two');
  expect(s3.requests.table().put).toEqual({ 501: 1, 200: 2 });
  expect(warnings).toEqual([expect.stringContaining('knows no conditional writes')]);
});

test('a store that ignores conditions stores whatever comes', async () => {
  const { store, stored } = await open({ conditionalWrites: 'ignored' });
  for (const text of ['one', 'two']) {
    expect(await store.putResult('k', [text], { condition: ABSENT })).toBe('stored');
  }
  expect(stored()).toBe('two');
});

test('nothing goes out when it is too late, at the first attempt or a later one', async () => {
  const { s3, store } = await open();
  expect(await store.putResult('k', ['x'], { mayBegin: () => false })).toBe('too-late');
  expect(s3.requests.count('put')).toBe(0);
  s3.setFaults({ rules: [{ fault: 500, times: 1 }] });
  let attempts = 0;
  const mayBegin = () => attempts++ === 0;
  expect(await store.putResult('k', ['x'], { mayBegin })).toBe('too-late');
  expect(s3.requests.count('put')).toBe(1);
});
