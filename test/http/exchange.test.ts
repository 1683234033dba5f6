import { afterEach, describe, expect, it, vi } from 'vitest';
import { bodyOf, closedPort, json, startHttp, startTcp } from '../atlas/test-server.js';
import { GET, http } from './test-client.js';

/** Long enough for loopback, short enough to be waited for. */
const SHORT_MS = 150;

afterEach(() => {
  vi.useRealTimers();
});

describe('request', () => {
  it('a request sends method, path below the base URL, headers and body, and gives status and text', async () => {
    const base = await startHttp(async (request, response) => {
      const body = await bodyOf(request);
      json(response, { got: [request.method, request.url, request.headers.token, body] }, 201);
    });
    const response = await http(`${base}/gateway/`).request({
      method: 'POST',
      path: '/v1/x?a=b',
      headers: { Token: 't' },
      body: '{"ü":1}',
    });
    expect(response).toEqual({
      kind: 'response',
      status: 201,
      body: JSON.stringify({ got: ['POST', '/gateway/v1/x?a=b', 't', '{"ü":1}'] }),
      retryAfter: undefined,
      form: 'json',
      headers: expect.objectContaining({ 'content-type': 'application/json' }),
      guessed: false,
    });
  });

  it('requests use their connections again, after responses of errors too', async () => {
    const sockets = new Set<unknown>();
    let status = 200;
    const base = await startHttp((request, response) => {
      sockets.add(request.socket);
      json(response, 'x'.repeat(10_000), status);
    });
    const client = http(base, { connections: 1 });
    for (status of [200, 503, 404, 200]) {
      expect(await client.request(GET)).toMatchObject({ status });
    }
    expect(sockets.size).toBe(1);
  });

  it('a POST never goes out on a connection that was idle for a second', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const sockets: unknown[] = [];
    const base = await startHttp((request, response) => {
      sockets.push(request.socket);
      json(response, {});
    });
    const client = http(base);
    const post = () => client.request({ ...GET, method: 'POST', body: '{}' });
    await post();
    await vi.advanceTimersByTimeAsync(900);
    await post();
    await vi.advanceTimersByTimeAsync(1000);
    await post();
    expect(sockets[1]).toBe(sockets[0]);
    expect(sockets[2]).not.toBe(sockets[0]);
  });

  it('a request does not follow redirects, and does not give the body of an error', async () => {
    let requests = 0;
    const base = await startHttp((_request, response) => {
      requests += 1;
      response.writeHead(307, { location: '/elsewhere', 'retry-after': '3' });
      response.end('secret');
    });
    expect(await http(base).request(GET)).toEqual({
      kind: 'response',
      status: 307,
      body: '',
      retryAfter: '3',
      form: 'other',
      headers: expect.objectContaining({ location: '/elsewhere' }),
      guessed: false,
    });
    expect(requests).toBe(1);
  });

  it('a request knows the status of an error whose body never ends', async () => {
    const base = await startHttp((_request, response) => {
      response.writeHead(503);
      response.write('x');
    });
    expect(await http(base).request(GET)).toMatchObject({ kind: 'response', status: 503 });
  });

  it('a request passes over informational responses', async () => {
    const base = await startHttp((_request, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' });
      json(response, {});
    });
    expect(await http(base).request(GET)).toMatchObject({ status: 200, body: '{}' });
  });
});

describe('a request that never went out', () => {
  it('a request that is refused a connection was not sent', async () => {
    const client = http(`http://127.0.0.1:${await closedPort()}`);
    expect(await client.request(GET)).toEqual({
      kind: 'failed',
      failure: 'not-sent',
      code: 'ECONNREFUSED',
    });
  });

  it('a request to a host that does not exist was not sent', async () => {
    const response = await http('http://atlas.invalid').request(GET);
    expect(response).toMatchObject({ kind: 'failed', failure: 'not-sent' });
  });

  it('a request that finds no TLS on the other side was not sent', async () => {
    const port = await startTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const response = await http(`https://127.0.0.1:${port}`).request(GET);
    expect(response).toMatchObject({ kind: 'failed', failure: 'not-sent' });
  });

  it('a request that waits in vain for a connection to be made was not sent', async () => {
    const port = await startTcp(() => {});
    const client = http(`https://127.0.0.1:${port}`, { timeoutMs: SHORT_MS });
    expect(await client.request(GET)).toMatchObject({ kind: 'failed', failure: 'not-sent' });
  });

  it('a request that waits in vain for a free connection was not sent', async () => {
    // Both run out in one moment, so that the second cannot have the connection of the first.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const seen: string[] = [];
    let arrived = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const base = await startHttp((request) => {
      seen.push(request.url ?? '');
      arrived();
    });
    const client = http(base, { timeoutMs: SHORT_MS, connections: 1 });
    const first = client.request({ ...GET, path: '/first' });
    const second = client.request({ ...GET, path: '/second' });
    await arrival;
    vi.advanceTimersByTime(SHORT_MS);
    expect(await first).toMatchObject({ failure: 'timed-out' });
    expect(await second).toEqual({
      kind: 'failed',
      failure: 'not-sent',
      code: 'NO_CONNECTION_IN_TIME',
    });
    vi.useRealTimers();
    await client.close();
    expect(seen).toEqual(['/first']);
  });

  it('a request with a header that cannot be sent was not sent', async () => {
    const base = await startHttp((_request, response) => json(response, {}));
    const response = await http(base).request({ ...GET, headers: { Token: 'a\r\nb' } });
    expect(response).toMatchObject({ failure: 'not-sent', code: 'UND_ERR_INVALID_ARG' });
  });
});

describe('a request that went out', () => {
  it('a request that gets no response in time has timed out', async () => {
    const base = await startHttp(() => {});
    const client = http(base, { timeoutMs: SHORT_MS });
    expect(await client.request(GET)).toEqual({
      kind: 'failed',
      failure: 'timed-out',
      code: 'TIMED_OUT',
    });
  });

  it('a request that gets its response too slowly has timed out', async () => {
    const base = await startHttp((_request, response) => {
      response.writeHead(200);
      response.write('{');
    });
    const client = http(base, { timeoutMs: SHORT_MS });
    expect(await client.request(GET)).toMatchObject({ failure: 'timed-out' });
  });

  it('a request is cut when its connection ends before a response', async () => {
    const base = await startHttp((request) => request.socket.destroy());
    expect(await http(base).request(GET)).toMatchObject({ kind: 'failed', failure: 'cut' });
  });

  it('a request is cut when its connection is reset while its body is read', async () => {
    const base = await startHttp((request) =>
      request.once('data', () => request.socket.resetAndDestroy()),
    );
    const request = { ...GET, method: 'POST', body: 'x'.repeat(100_000) } as const;
    expect(await http(base).request(request)).toMatchObject({ kind: 'failed', failure: 'cut' });
  });

  it('a request is cut when its connection ends in the middle of a response', async () => {
    const base = await startHttp((request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"a":', () => request.socket.destroy());
    });
    expect(await http(base).request(GET)).toMatchObject({ kind: 'failed', failure: 'cut' });
  });

  it('a request is cut when its response is not HTTP', async () => {
    const port = await startTcp((socket) =>
      socket.once('data', () => socket.end('gibberish\r\n\r\n')),
    );
    const response = await http(`http://127.0.0.1:${port}`).request(GET);
    expect(response).toMatchObject({ kind: 'failed', failure: 'cut' });
  });
});

describe('an aborted request', () => {
  it('an abort rejects with its reason a request under way, and cuts the connection', async () => {
    const abort = new AbortController();
    const reason = new Error('lock lost');
    let closed = () => {};
    const cut = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const base = await startHttp((request) => {
      request.socket.on('close', closed);
      abort.abort(reason);
    });
    await expect(http(base).request(GET, abort.signal)).rejects.toBe(reason);
    await cut;
  });

  it('an abort rejects a request before anything is sent when it came before', async () => {
    const client = http(`http://127.0.0.1:${await closedPort()}`);
    const reason = new Error('stopping');
    await expect(client.request(GET, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe('close', () => {
  it('the close of a client cuts requests under way, may be called twice, and refuses more', async () => {
    let arrived = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const base = await startHttp(() => arrived());
    const client = http(base);
    const hanging = client.request(GET);
    await arrival;
    await client.close();
    await client.close();
    expect(await hanging).toMatchObject({ kind: 'failed', failure: 'cut' });
    expect(await client.request(GET)).toMatchObject({ kind: 'failed', failure: 'not-sent' });
  });
});
