import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { errorOf, openStore, verdictsOf } from './open-store.js';
import { respondWithError, startScriptedS3 } from './scripted-s3.js';

const HEADS_IN_FLIGHT = 16;
const REF = { bucket: 'docs', key: 'pan.jpg' };

async function text(stream: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('check', () => {
  test('the check names the objects that are not there', async () => {
    const s3 = await startScriptedS3();
    const store = openStore(s3);
    const objects = Array.from({ length: 100 }, (_, n) => ({ bucket: 'docs', key: `é ${n}.jpg` }));
    for (const [n, { key }] of objects.entries()) {
      if (n % 7 !== 3) s3.objects.set(`docs/${key}`, Buffer.from('scan'));
    }
    const expected = objects.map((_, n) => (n % 7 === 3 ? 'absent' : 'readable'));
    await expect(verdictsOf(store, objects)).resolves.toEqual(expected);
    const absent = objects.filter((_, n) => n % 7 === 3);
    expect(s3.requests.filter((line) => line.startsWith('HEAD '))).toHaveLength(100);
    expect(s3.requests.filter((line) => !line.startsWith('HEAD ')).sort()).toEqual(
      absent.map(({ key }) => `GET docs/${key}`).sort(),
    );
  });

  test('the check asks nothing for no objects', async () => {
    const s3 = await startScriptedS3();
    await expect(verdictsOf(openStore(s3), [])).resolves.toEqual([]);
    expect(s3.requests).toEqual([]);
  });

  test('the check keeps the number of requests in flight bounded', async () => {
    const s3 = await startScriptedS3();
    const held: ServerResponse[] = [];
    const rounds: number[] = [];
    s3.fault = (_, response) => {
      // A round is answered when it is full, after all that came with it was taken in.
      if (held.push(response) === HEADS_IN_FLIGHT) {
        setImmediate(() => {
          rounds.push(held.length);
          for (const waiting of held.splice(0)) waiting.end();
        });
      }
      return true;
    };
    const objects = Array.from({ length: 5 * HEADS_IN_FLIGHT }, (_, n) => ({
      bucket: 'docs',
      key: String(n),
    }));
    await verdictsOf(openStore(s3, { connections: 100 }), objects);
    expect(rounds).toEqual(Array(5).fill(HEADS_IN_FLIGHT));
  });

  test('the check keeps its connections, at most as many as it may have', async () => {
    const s3 = await startScriptedS3();
    const store = openStore(s3, { connections: 4 });
    const objects = Array.from({ length: 100 }, (_, n) => ({ bucket: 'docs', key: String(n) }));
    for (const { key } of objects.slice(50)) s3.objects.set(`docs/${key}`, Buffer.from('scan'));
    await verdictsOf(store, objects);
    await verdictsOf(store, objects);
    expect(s3.connections).toBe(4);
  });

  test('the check says that 403 may mean an absent object', async () => {
    const s3 = await startScriptedS3();
    s3.fault = (_, response) => respondWithError(response, 403, 'AccessDenied');
    const error = await errorOf(verdictsOf(openStore(s3), [REF]));
    expect(error.message).toContain('GET s3://docs/pan.jpg: S3 answered 403 AccessDenied');
    expect(error.message).toContain('s3:ListBucket');
    expect(s3.requests).toEqual(['HEAD docs/pan.jpg', 'GET docs/pan.jpg']);
  });

  test('the check survives a blip, and gives up when it lasts', async () => {
    const s3 = await startScriptedS3();
    s3.objects.set('docs/pan.jpg', Buffer.from('scan'));
    let faults = 1;
    s3.fault = (_, response) => faults-- > 0 && respondWithError(response, 503, 'SlowDown');
    const store = openStore(s3);
    await expect(verdictsOf(store, [REF])).resolves.toEqual(['readable']);

    faults = Number.POSITIVE_INFINITY;
    const error = await errorOf(verdictsOf(store, [REF]));
    expect(error.message).toContain('S3 answered 503');
    expect(s3.requests).toHaveLength(2 + 3);
  });

  test('one error of the check stops the rest of its requests', async () => {
    const s3 = await startScriptedS3();
    s3.fault = (_, response) => respondWithError(response, 403, 'AccessDenied');
    const objects = Array.from({ length: 1000 }, (_, n) => ({ bucket: 'docs', key: String(n) }));
    await errorOf(verdictsOf(openStore(s3), objects));
    expect(s3.requests.length).toBeLessThan(100);
  });

  test('refused connections, cut connections and silence of S3 are transient errors', async () => {
    const s3 = await startScriptedS3();
    const store = openStore(s3, { timeoutMs: 50 });
    s3.fault = () => true;
    expect((await errorOf(verdictsOf(store, [REF]))).message).toContain(
      'no response from S3 (UND_ERR_HEADERS_TIMEOUT)',
    );
    expect(s3.requests).toHaveLength(1);
    s3.fault = (request) => Boolean(request.socket.destroy());
    expect((await errorOf(verdictsOf(store, [REF]))).message).toContain('no response from S3');
    await s3.stop();
    expect((await errorOf(verdictsOf(store, [REF]))).message).toContain('ECONNREFUSED');
  });

  test('a key that cannot be signed is a transient error, of the first request and of later ones', async () => {
    const s3 = await startScriptedS3();
    const store = openStore(s3);
    const broken = { ...REF, key: '\ud800' };
    for (const objects of [[broken], [REF, broken], [broken]]) {
      expect((await errorOf(verdictsOf(store, objects))).message).toContain('not be signed');
    }
  });

  test('an abort of the check rejects with its reason, before and in the middle', async () => {
    const s3 = await startScriptedS3();
    const store = openStore(s3);
    const controller = new AbortController();
    const reason = new Error('lock lost');
    s3.fault = () => {
      controller.abort(reason);
      return true;
    };
    await expect(verdictsOf(store, [REF, REF], controller.signal)).rejects.toBe(reason);
    const sent = s3.requests.length;
    await expect(verdictsOf(store, [REF], controller.signal)).rejects.toBe(reason);
    expect(s3.requests).toHaveLength(sent);
  });
});

describe('results', () => {
  test('results are stored as JSON with length and checksum, and read back', async () => {
    const s3 = await startScriptedS3();
    const store = openStore(s3);
    await store.putResult('loan/é%2F.json', ['{"a":', '"é"}']);
    expect(s3.requests).toEqual(['PUT results/loan/é%2F.json']);
    expect(s3.lastHeaders).toMatchObject({
      'content-type': 'application/json',
      'content-length': '10',
      'content-md5': expect.stringMatching(/^[\w+/]{22}==$/),
    });
    expect(await text(await store.getResult('loan/é%2F.json'))).toBe('{"a":"é"}');
  });

  test('results may be large, and are streamed again after a blip', async () => {
    const s3 = await startScriptedS3();
    const store = openStore(s3);
    const parts = Array.from({ length: 3000 }, (_, n) => `${n} ${'ü'.repeat(500)}\n`);
    let faults = 1;
    s3.fault = (_, response) => faults-- > 0 && respondWithError(response, 500, 'InternalError');
    await store.putResult('large.json', parts);
    expect(s3.objects.get('results/large.json')?.toString()).toBe(parts.join(''));
    expect(await text(await store.getResult('large.json'))).toBe(parts.join(''));
  });

  test('results may be bytes', async () => {
    const s3 = await startScriptedS3();
    await openStore(s3).putResult('x.json', ['{}']);
    expect(s3.objects.get('results/x.json')?.toString()).toBe('{}');
  });

  test('absent results are null', async () => {
    const s3 = await startScriptedS3();
    await expect(openStore(s3).getResult('none.json')).resolves.toBeNull();
  });

  test.each([
    [403, 'AccessDenied', 's3:PutObject'],
    [404, 'NoSuchBucket', 'create the bucket'],
    [301, 'PermanentRedirect', 'AWS_REGION'],
    [403, 'RequestTimeTooSkewed', 'clock'],
    [403, 'ExpiredToken', 'AWS_ACCESS_KEY_ID'],
    [400, 'constructor', 'S3 answered 400 constructor'],
  ])('results that cannot be stored say what to do: %i %s', async (status, code, advice) => {
    const s3 = await startScriptedS3();
    s3.fault = (_, response) => respondWithError(response, status, code);
    const error = await errorOf(openStore(s3).putResult('x.json', ['{}']));
    expect(error.message).toContain(`PUT s3://results/x.json: S3 answered ${status} ${code}`);
    expect(error.message).toContain(advice);
    expect(s3.requests).toHaveLength(1);
  });

  test('a missing bucket is no absent result', async () => {
    const s3 = await startScriptedS3();
    s3.fault = (_, response) => respondWithError(response, 404, 'NoSuchBucket');
    expect((await errorOf(openStore(s3).getResult('x.json'))).message).toContain('NoSuchBucket');
  });

  test('results that are cut off in the middle are an error, not a shorter result', async () => {
    const s3 = await startScriptedS3();
    s3.fault = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
      return true;
    };
    const store = openStore(s3);
    const error = await errorOf(store.getResult('x.json').then(text));
    expect(error.message).toContain('GET s3://results/x.json: no response from S3');
  });

  test('an abort while results are stored rejects with its reason', async () => {
    const s3 = await startScriptedS3();
    const controller = new AbortController();
    s3.fault = () => {
      controller.abort(new Error('lock lost'));
      return true;
    };
    const put = openStore(s3).putResult('x.json', ['{}'], { signal: controller.signal });
    await expect(put).rejects.toThrow('lock lost');
  });
});

test('control characters of a key do not reach a message', async () => {
  const s3 = await startScriptedS3();
  s3.fault = (_, response) => respondWithError(response, 403, 'AccessDenied');
  const object = { bucket: 'docs', key: 'a\u001b[31m\nb' };
  const error = await errorOf(verdictsOf(openStore(s3), [object]));
  expect(error.message).toContain('s3://docs/a\\u{1b}[31m\\u{a}b');
});

test('a store without credentials or region says that they are missing', async () => {
  const s3 = await startScriptedS3();
  const credentials = () =>
    Promise.reject(Object.assign(new Error('canary'), { name: 'CredentialsProviderError' }));
  const store = openStore(s3, { clientConfig: { ...s3.clientConfig, credentials } });
  expect((await errorOf(store.presign([REF]))).message).toContain('set AWS credentials');
  expect((await errorOf(verdictsOf(store, [REF]))).message).toContain('set AWS credentials');
  const region = () => Promise.reject(new Error('Region is missing'));
  const nowhere = openStore(s3, { clientConfig: { ...s3.clientConfig, region } });
  expect((await errorOf(nowhere.presign([REF]))).message).toContain('AWS_REGION');
});

test("a store takes region, credentials and endpoint from AWS's own variables", async () => {
  const s3 = await startScriptedS3();
  s3.objects.set('docs/pan.jpg', Buffer.from('scan'));
  vi.stubEnv('AWS_REGION', 'eu-north-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'ASIAENV');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_SESSION_TOKEN', 'session');
  vi.stubEnv('AWS_ENDPOINT_URL_S3', String(s3.clientConfig.endpoint));
  onTestFinished(() => void vi.unstubAllEnvs());
  const store = openStore(s3, { clientConfig: {} });
  await expect(verdictsOf(store, [REF])).resolves.toEqual(['readable']);
  const [signed = ''] = await store.presign([REF]);
  const url = new URL(signed);
  expect(url.origin).toBe(s3.clientConfig.endpoint);
  expect(url.searchParams.get('X-Amz-Credential')).toMatch(/^ASIAENV\/\d{8}\/eu-north-1\/s3\//);
  expect(url.searchParams.get('X-Amz-Security-Token')).toBe('session');
  expect(url.searchParams.get('X-Amz-Expires')).toBe('3600');
});

test('a store warns of credentials that die before an upload URL, not before a URL of its own', async () => {
  const s3 = await startScriptedS3();
  s3.objects.set('docs/pan.jpg', Buffer.from('scan'));
  const credentials = async () => ({
    accessKeyId: 'ASIAHALFHOUR',
    secretAccessKey: 'secret',
    expiration: new Date(Date.now() + 1_800_000),
  });
  const warn = vi.fn();
  const clientConfig = { ...s3.clientConfig, credentials };
  const store = openStore(s3, { clientConfig, logger: { warn } });
  await verdictsOf(store, [REF]);
  expect(warn).not.toHaveBeenCalled();
  await store.presign([REF]);
  await store.presign([REF]);
  expect(warn).toHaveBeenCalledOnce();
});

test('a store may be closed twice, and ends what is in flight', async () => {
  const s3 = await startScriptedS3();
  const store = openStore(s3);
  const arrived = new Promise<void>((resolve) => {
    s3.fault = () => {
      resolve();
      return true;
    };
  });
  const head = errorOf(verdictsOf(store, [REF]));
  await arrived;
  store.close();
  store.close();
  await head;
});
