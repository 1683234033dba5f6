import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createHttp } from '../../src/http/host-client.js';
import { Proxies } from '../../src/http/proxy.js';
import { bodyOf, closedPort, json, startHttp } from '../atlas/test-server.js';
import { createAuthority } from '../helpers/certificates.js';
import { startProxy, startTlsFront } from '../helpers/proxy.js';

const POST = { method: 'POST', path: '/upload?a=b', headers: { Token: 't' }, body: '{}' } as const;

// Node reads it at each connection. Certificates are checked by the test of processes.
beforeEach(() => vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'));
afterEach(() => vi.unstubAllEnvs());

/** An https server that only a proxy can reach by its name, and a client of it. */
async function start(login = '') {
  const proxy = await startProxy();
  const seen: string[] = [];
  const sockets = new Set<unknown>();
  const target = await startHttp(async (request, response) => {
    sockets.add(request.socket);
    seen.push(`${request.method} ${request.url} ${request.headers.host} ${await bodyOf(request)}`);
    json(response, { headers: Object.keys(request.headers) });
  });
  const port = await startTlsFront(await createAuthority(), target);
  const clientOf = (baseUrl: string, noProxy: string[] = [], timeoutMs = 5000) => {
    const url = proxy.url.replace('//', `//${login}`);
    const proxies = new Proxies({ httpsProxy: url, httpProxy: url, noProxy });
    const client = createHttp({ baseUrl, timeoutMs, connections: 1, proxies });
    onTestFinished(() => client.close());
    return client;
  };
  return { proxy, seen, sockets, target, port, clientOf };
}

test('https requests share a tunnel, and the login of the proxy goes to the proxy alone', async () => {
  const { proxy, seen, sockets, port, clientOf } = await start('user:p%40ss@');
  const client = clientOf(`https://atlas.example.test:${port}`);
  for (let n = 0; n < 3; n += 1) {
    const response = await client.request(POST);
    expect(response).toMatchObject({ kind: 'response', status: 200 });
    expect(response).not.toMatchObject({ body: expect.stringContaining('proxy') });
  }
  expect(seen).toEqual(Array(3).fill(`POST /upload?a=b atlas.example.test:${port} {}`));
  expect(proxy.asked).toEqual([`atlas.example.test:${port}`]);
  expect(proxy.logins).toEqual([`Basic ${Buffer.from('user:p@ss').toString('base64')}`]);
  expect(sockets.size).toBe(1);
});

test('a proxy may be reached by TLS', async () => {
  const { proxy, seen, port } = await start();
  const front = await startTlsFront(await createAuthority(), proxy.url);
  const httpsProxy = `https://localhost:${front}`;
  const proxies = new Proxies({ httpsProxy, httpProxy: null, noProxy: [] });
  const baseUrl = `https://atlas.example.test:${port}`;
  const client = createHttp({ baseUrl, timeoutMs: 5000, connections: 1, proxies });
  onTestFinished(() => client.close());
  expect(await client.request(POST)).toMatchObject({ kind: 'response', status: 200 });
  expect([proxy.asked.length, seen.length]).toEqual([1, 1]);
});

test('an http request is asked of the proxy by its whole URL', async () => {
  const { proxy, seen, target, clientOf } = await start('user:pass@');
  const origin = target.replace('127.0.0.1', 'minio.example.test');
  const response = await clientOf(origin).request(POST);
  expect(response).toMatchObject({ kind: 'response', status: 200 });
  expect(response).not.toMatchObject({ body: expect.stringContaining('proxy-auth') });
  expect(proxy.asked).toEqual([`${origin}/upload?a=b`]);
  expect(seen).toEqual([`POST /upload?a=b ${new URL(origin).host} {}`]);
});

test('loopback and the hosts of NO_PROXY are reached directly', async () => {
  const { proxy, seen, target, port, clientOf } = await start();
  await clientOf(target).request(POST);
  await clientOf(`https://localhost:${port}`).request(POST);
  const excepted = await clientOf(`https://atlas.example.test:${port}`, ['example.test']).request(
    POST,
  );
  expect(excepted).toMatchObject({ failure: 'not-sent', code: 'ENOTFOUND' });
  expect([proxy.asked, seen.length]).toEqual([[], 2]);
});

test.each([
  [407, 'PROXY_407'],
  [502, 'PROXY_502'],
  ['cut', 'PROXY_ECONNRESET'],
  ['hang', /^NO_CONNECTION_IN_TIME|PROXY_UND_ERR_CONNECT_TIMEOUT$/],
] as const)('a request is not sent when the proxy answers a tunnel with %s', async (mode, code) => {
  const { proxy, seen, port, clientOf } = await start('user:canary@');
  proxy.mode = mode;
  const response = await clientOf(`https://atlas.example.test:${port}`, [], 500).request(POST);
  expect(response).toMatchObject({ kind: 'failed', failure: 'not-sent' });
  expect(response).toMatchObject({ code: expect.stringMatching(code) });
  expect([proxy.asked.length, seen]).toEqual([1, []]);
});

test('a request is not sent when the proxy answers its whole URL with 407', async () => {
  const { proxy, seen, target, clientOf } = await start('user:canary@');
  proxy.login = 'Basic another';
  const client = clientOf(target.replace('127.0.0.1', 'minio.example.test'));
  const refused = { kind: 'failed', failure: 'not-sent', code: 'PROXY_407' };
  expect(await client.request(POST)).toEqual(refused);
  expect(await client.request({ ...POST, method: 'GET', body: null })).toEqual(refused);
  expect(seen).toEqual([]);
  proxy.login = null;
  expect(await client.request(POST)).toMatchObject({ kind: 'response', status: 200 });
});

test.each(['https', 'http'])(
  'a request of %s is not sent when the proxy is down',
  async (scheme) => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const proxies = new Proxies({ httpsProxy: url, httpProxy: url, noProxy: [] });
    const baseUrl = `${scheme}://atlas.example.test`;
    const client = createHttp({ baseUrl, timeoutMs: 5000, connections: 1, proxies });
    onTestFinished(() => client.close());
    expect(await client.request(POST)).toEqual({
      kind: 'failed',
      failure: 'not-sent',
      code: 'PROXY_ECONNREFUSED',
    });
  },
);

test('a request that is on its way when the proxy cuts the tunnel is cut, and the next goes out', async () => {
  const proxy = await startProxy();
  let requests = 0;
  const target = await startHttp((_request, response) => {
    requests += 1;
    if (requests === 1) proxy.cutAll();
    else json(response, {});
  });
  const port = await startTlsFront(await createAuthority(), target);
  const proxies = new Proxies({ httpsProxy: proxy.url, httpProxy: null, noProxy: [] });
  const baseUrl = `https://atlas.example.test:${port}`;
  const client = createHttp({ baseUrl, timeoutMs: 5000, connections: 1, proxies });
  onTestFinished(() => client.close());
  expect(await client.request(POST)).toMatchObject({ kind: 'failed', failure: 'cut' });
  expect(await client.request(POST)).toMatchObject({ kind: 'response', status: 200 });
  expect(requests).toBe(2);
});

test('a certificate that is not trusted is refused through a tunnel too, before anything is sent', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '1');
  const { seen, port, clientOf } = await start();
  const response = await clientOf(`https://atlas.example.test:${port}`).request(POST);
  expect(response).toMatchObject({ failure: 'not-sent', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  expect(seen).toEqual([]);
});
