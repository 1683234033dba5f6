import { createHmac } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { SignJWT } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import { createCallbackTokens } from '../../../src/server/callbacks/callback-tokens.js';
import { CALLBACK_BODY_LIMIT_BYTES } from '../../../src/server/limits.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { CALLBACKS, createServer, type TestServer } from '../test-server.js';

const CREDENTIALS = { 'client-id': 'atlas', 'client-secret': 'callback-secret' };
const TOKEN_PATH = '/callbacks/atlas/token';
const PATH = '/callbacks/atlas';
const page = (...ids: string[]) => ({ data: ids.map((id) => ({ document_id: id })), page: 1 });

async function tokenOf({ server }: TestServer): Promise<string> {
  const response = await server.app.inject({
    method: 'POST',
    url: TOKEN_PATH,
    headers: CREDENTIALS,
  });
  expect(response.statusCode).toBe(200);
  return response.json().access_token;
}

async function call({ server }: TestServer, token: string, payload: unknown) {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return server.app.inject({ method: 'POST', url: PATH, headers: { token }, payload: body });
}

async function counted({ server }: TestServer, name: string): Promise<number> {
  const { body } = await server.app.inject('/metrics');
  const line = body.split('\n').find((one) => one.startsWith(`atlas_batch_${name} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

it('the routes of callbacks do not exist without credentials', async () => {
  const { server } = await createServer();
  for (const url of [PATH, TOKEN_PATH]) {
    const { statusCode } = await server.app.inject({ method: 'POST', url, headers: CREDENTIALS });
    expect(statusCode).toBe(404);
  }
});

it('of many secrets that are tried at once no more are compared than the limit allows', async () => {
  const { server } = await createServer(CALLBACKS);
  const attempt = async (secret: string) => {
    const headers = { ...CREDENTIALS, 'client-secret': secret };
    return (await server.app.inject({ method: 'POST', url: TOKEN_PATH, headers })).statusCode;
  };
  const secrets = Array.from({ length: 500 }, (_, i) => `guess ${i}`);
  const statuses = await Promise.all([...secrets, 'callback-secret'].map(attempt));
  expect(statuses.at(-1)).toBe(429);
  expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(50);
});

it('Atlas gets a token for the right credentials, whatever else the request holds', async () => {
  const { server } = await createServer(CALLBACKS);
  for (const more of [{}, { payload: 'x' }, { payload: {} }]) {
    const response = await server.app.inject({
      method: 'POST',
      url: TOKEN_PATH,
      headers: CREDENTIALS,
      ...more,
    });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ access_token: expect.any(String), expires_in: 3600 });
    expect(response.headers['cache-control']).toBe('no-store');
  }
});

it.each([{}, { ...CREDENTIALS, 'client-secret': 'wrong' }, { ...CREDENTIALS, 'client-id': 'x' }])(
  'Atlas gets no token for %o',
  async (headers) => {
    const { server } = await createServer(CALLBACKS);
    const response = await server.app.inject({ method: 'POST', url: TOKEN_PATH, headers });
    expect(response.statusCode).toBe(401);
    expect(response.json()).toEqual({ error: 'Unauthorized' });
  },
);

it('a server accepts the tokens of another replica, as Token or as Bearer', async () => {
  const one = await createServer(CALLBACKS);
  const other = await createServer(CALLBACKS);
  const token = await tokenOf(one);
  expect((await call(other, token, page('x/1'))).statusCode).toBe(202);
  const bearer = await other.server.app.inject({
    method: 'POST',
    url: PATH,
    headers: { authorization: `Bearer ${token}` },
    payload: page('x/1'),
  });
  expect(bearer.statusCode).toBe(202);
});

it('a server accepts both secrets and their tokens while one is rotated', async () => {
  const before = await createServer(CALLBACKS);
  const both = { ...CALLBACKS, CALLBACK_CLIENT_SECRET: 'another-secret-then,callback-secret' };
  const during = await createServer(both);
  const after = await createServer({ ...CALLBACKS, CALLBACK_CLIENT_SECRET: 'another-secret-then' });
  const old = await tokenOf(before);
  expect((await call(during, old, page('x/1'))).statusCode).toBe(202);
  expect((await call(after, old, page('x/1'))).statusCode).toBe(401);
  // It still knows Atlas by the old secret, and gives a token that outlives it.
  expect((await call(after, await tokenOf(during), page('x/1'))).statusCode).toBe(202);
});

it('a server refuses tokens that are old, unsigned, for something else, or signed by somebody else', async () => {
  const test = await createServer(CALLBACKS);
  const foreign = await createCallbackTokens(() => [
    { user: 'atlas', password: 'another-secret' },
  ]).issue();
  const raw = new SignJWT().setProtectedHeader({ alg: 'HS256' }).setIssuer('atlas-batch');
  const plain = raw.setAudience('atlas-callbacks').setExpirationTime('1 h');
  const signedWithSecret = await plain.sign(Buffer.from('callback-secret'));
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: 'atlas-batch', aud: 'atlas-callbacks', exp: 4_000_000_000 };
  const unsigned = `${part({ alg: 'none' })}.${part(claims)}.`;
  const good = await tokenOf(test);
  const [head, body = ''] = good.split('.');
  const forged = `${head}.${body}.${createHmac('sha256', 'guess').update(`${head}.${body}`).digest('base64url')}`;
  for (const token of ['', 'x', foreign, signedWithSecret, unsigned, forged, 'a'.repeat(5000)]) {
    const response = await call(test, token, page('x/1'));
    expect(response.statusCode).toBe(401);
  }
  expect(await counted(test, 'callbacks_rejected_total{why="unauthorized"}')).toBe(7);
});

it.each([
  ['application/json,application/json', 'utf8'],
  ['text/plain', 'utf8'],
  ['nonsense', 'utf8'],
  ['application/json; charset=UTF-16LE', 'utf16le'],
  ['application/json; charset=utf-16le, application/json', 'utf16le'],
  ['application/json; charset="ISO-8859-1"', 'latin1'],
  [undefined, 'utf8'],
] as const)(
  'a callback is read whatever its content type says: %s',
  async (contentType, encoding) => {
    const test = await createServer(CALLBACKS);
    const token = await tokenOf(test);
    const type = contentType === undefined ? {} : { 'content-type': contentType };
    const post = (payload: Buffer) =>
      test.server.app.inject({ method: 'POST', url: PATH, headers: { token, ...type }, payload });
    const body = Buffer.from(JSON.stringify(page('loan-1/\u00e9')), encoding);
    expect((await post(body)).statusCode).toBe(202);
    expect((await post(Buffer.from('no page', encoding))).statusCode).toBe(400);
    expect((await post(Buffer.from([0x7b, 0xff, 0x7d]))).statusCode).toBe(400);
    const again = { ...CREDENTIALS, ...type };
    const other = await test.server.app.inject({
      method: 'POST',
      url: TOKEN_PATH,
      headers: again,
      payload: 'x',
    });
    expect(other.statusCode).toBe(200);
  },
);

const UTF8 = { 'content-type': 'application/json; charset=utf-8' };
const LATIN1 = { 'content-type': 'application/json; charset=ISO-8859-1' };
const ACCENTED = JSON.stringify(page('loan-1/\u00e9'));

it.each([
  ['compressed, without a header that says so', gzipSync(ACCENTED), {}],
  ['plain, under a header that says gzip', Buffer.from(ACCENTED), { 'content-encoding': 'gzip' }],
  ['plain, under a charset for a coding', Buffer.from(ACCENTED), { 'content-encoding': 'utf-8' }],
  ['UTF-16 without a mark and a charset', Buffer.from(ACCENTED, 'utf16le'), {}],
  ['ISO-8859-1 under the name of UTF-8', Buffer.from(ACCENTED, 'latin1'), UTF8],
  ['UTF-8 under the name of ISO-8859-1', Buffer.from(ACCENTED), LATIN1],
  ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${ACCENTED}`), UTF8],
])('a callback is read as a response is: %s', async (_, payload, more) => {
  const test = await createServer(CALLBACKS);
  const headers = { token: await tokenOf(test), ...more };
  const posted = await test.server.app.inject({ method: 'POST', url: PATH, headers, payload });
  expect(posted.statusCode).toBe(202);
});

it('a callback that is small, and large once it is decompressed, gets 413', async () => {
  const test = await createServer(CALLBACKS);
  const headers = { token: await tokenOf(test) };
  const payload = gzipSync(Buffer.alloc(CALLBACK_BODY_LIMIT_BYTES + 1, ' '));
  const posted = await test.server.app.inject({ method: 'POST', url: PATH, headers, payload });
  expect(posted.statusCode).toBe(413);
});

it.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
])('a callback may be compressed by %s, and is bounded all the same', async (coding, compress) => {
  const test = await createServer(CALLBACKS);
  const token = await tokenOf(test);
  const post = async (payload: Buffer) => {
    const headers = { token, 'content-type': 'application/json', 'content-encoding': coding };
    return (await test.server.app.inject({ method: 'POST', url: PATH, headers, payload }))
      .statusCode;
  };
  expect(await post(compress(JSON.stringify(page('loan-1/a'))))).toBe(202);
  expect(await post(compress('{"data":[]}').subarray(0, 8))).toBe(400);
  expect(await post(compress(Buffer.alloc(CALLBACK_BODY_LIMIT_BYTES + 1, ' ')))).toBe(413);
});

it('a callback that is no page gets 400, one that is too large 413, and nothing of it is repeated', async () => {
  const test = await createServer(CALLBACKS);
  const token = await tokenOf(test);
  for (const body of ['', '{"secret-canary', '[]', '{"data":7}']) {
    const response = await call(test, token, body);
    expect(response.statusCode).toBe(400);
    expect(response.body).not.toContain('canary');
  }
  expect((await call(test, token, 'x'.repeat(4 * 1024 * 1024 + 1))).statusCode).toBe(413);
  expect(await counted(test, 'callbacks_rejected_total{why="malformed"}')).toBe(4);
  expect(await counted(test, 'callbacks_rejected_total{why="too-large"}')).toBe(1);
});

it('a callback with unknown references wakes no batch and stores nothing', async () => {
  const test = await createServer(CALLBACKS);
  const redis = new Redis(test.url);
  onTestFinished(() => redis.disconnect());
  const token = await tokenOf(test);
  expect((await call(test, token, page('nobody/1', 'also-nobody/2'))).statusCode).toBe(202);
  await waitUntil('both references', async () => {
    return (await counted(test, 'callback_references_total{result="unknown"}')) === 2;
  });
  const keys = await redis.keys(`${test.prefix}*`);
  expect(keys.filter((key) => !key.endsWith(':meta'))).toEqual([]);
});

it('secrets that come from many addresses of one IPv6 network are limited as those of one', async () => {
  const { server } = await createServer(CALLBACKS);
  const attempt = async (remoteAddress: string, headers = CREDENTIALS) =>
    (await server.app.inject({ method: 'POST', url: TOKEN_PATH, headers, remoteAddress }))
      .statusCode;
  const wrong = { ...CREDENTIALS, 'client-secret': 'a guess' };
  const network = Array.from({ length: 60 }, (_, i) => `2001:db8:1:2::${i + 1}`);
  await Promise.all(network.map((address) => attempt(address, wrong)));
  expect(await attempt('2001:db8:1:2:ffff::1')).toBe(429);
  expect(await attempt('2001:db8:1:3::1')).toBe(200);
});

it('no callback brings a 5xx, and a good one is accepted afterwards', async () => {
  const test = await createServer(CALLBACKS);
  const good = await tokenOf(test);
  const token = fc.oneof(
    fc.constant(good),
    fc.string(),
    fc.base64String(),
    fc.constant(`${good}x`),
  );
  const header = token.map((text) => text.replace(/[^\x21-\x7e]/g, ''));
  const id = fc.oneof(fc.string(), fc.stringMatching(/^[a-z]{1,5}\/.{0,5}$/), fc.anything());
  const pages = fc
    .array(fc.record({ document_id: id, file_data: fc.json() }))
    .map((data) => JSON.stringify({ data }));
  const body = fc.oneof(fc.string(), fc.json(), pages, fc.constant('{"__proto__":{"data":[]}}'));
  const type = fc.constantFrom('application/json', 'text/plain', '', 'x', 'multipart/form-data');
  const url = fc.constantFrom(PATH, TOKEN_PATH, `${PATH}/`, `${PATH}?x=%ff`);
  await fc.assert(
    fc.asyncProperty(header, body, type, url, async (tokenHeader, payload, contentType, path) => {
      const { statusCode } = await test.server.app.inject({
        method: 'POST',
        url: path,
        headers: { token: tokenHeader, 'content-type': contentType },
        payload,
      });
      expect([200, 202, 400, 401, 404, 429]).toContain(statusCode);
    }),
    { seed: 20_261_123, numRuns: 1000 },
  );
  expect((await call(test, good, page('loan/1'))).statusCode).toBe(202);
});
