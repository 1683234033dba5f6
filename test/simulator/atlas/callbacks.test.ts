import { createServer } from 'node:http';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { AtlasSimulatorOptions } from '../../../src/simulator/index.js';
import { ids, type PageObject, startAtlas } from './atlas-caller.js';

interface Received {
  path: string;
  credentials: string;
  token: string;
  page: PageObject | undefined;
}

/** Our side of callbacks: an `auth_url` and a `callback_url`. */
async function startReceiver() {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const { headers } = request;
    received.push({
      path: request.url ?? '',
      credentials: `${headers['client-id']}:${headers['client-secret']}`,
      token: String(headers.token),
      page: text === '' ? undefined : JSON.parse(text),
    });
    const known = headers['client-secret'] === 'shared' || headers.token === 'ours';
    response.writeHead(known ? 202 : 401);
    response.end(JSON.stringify({ access_token: 'ours', expires_in: 3600 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const url = `http://127.0.0.1:${port}`;
  const callback = {
    authUrl: `${url}/token`,
    callbackUrl: `${url}/callback?from=atlas`,
    clientId: 'atlas',
    clientSecret: 'shared',
  };
  return { received, callback };
}

async function start(options: AtlasSimulatorOptions, more: object = {}) {
  const { received, callback } = await startReceiver();
  const started = await startAtlas({ callback: { ...callback, ...more }, ...options });
  return { ...started, received, callback };
}

it('the simulated Atlas asks for a token and posts every page of a complete batch', async () => {
  const { atlas, caller, received } = await start({
    completionMs: 10,
    maxPerPage: 2,
    extractsPerDocument: () => 1,
  });
  await caller.submit(ids(3));
  await vi.waitFor(() => expect(atlas.callbackCounts().delivered).toBe(1));
  expect(received.map(({ path, token }) => [path, token])).toEqual([
    ['/token', 'undefined'],
    ['/callback?from=atlas', 'ours'],
    ['/callback?from=atlas', 'ours'],
  ]);
  expect(received[0]?.credentials).toBe('atlas:shared');
  expect(received.map(({ page }) => page?.data.map((item) => item.document_id))).toEqual([
    undefined,
    ['001', '002'],
    ['003'],
  ]);
  expect(received[2]?.page).toMatchObject({ page: 2, has_next: false, has_prev: true });
});

it('a batch that is completed by hand brings its callback at once', async () => {
  const { atlas, caller, received } = await start({ completionMs: 3_600_000 });
  await caller.submit(ids(2));
  expect(received).toEqual([]);
  atlas.completeNow();
  await vi.waitFor(() => expect(atlas.callbackCounts().delivered).toBe(1));
  expect(received).toHaveLength(2);
});

it('callbacks are dropped at the given rate, and none is made twice', async () => {
  const { atlas, caller, received } = await start({ completionMs: 0 }, { dropRate: 1 });
  await caller.submit(ids(2));
  atlas.completeNow();
  expect(atlas.callbackCounts()).toEqual({ delivered: 0, dropped: 1, failed: 0 });
  expect(received).toEqual([]);
});

it('callbacks that were refused are counted', async () => {
  const { atlas, caller } = await start({ completionMs: 0 }, { clientSecret: 'wrong' });
  await caller.submit(ids(2));
  await vi.waitFor(() => expect(atlas.callbackCounts().failed).toBe(1));
});

it('the URLs of callbacks can be set later, and planned callbacks end with the simulator', async () => {
  const { callback } = await startReceiver();
  const { atlas, caller } = await startAtlas({ completionMs: 3_600_000 });
  await caller.submit(ids(1));
  atlas.setCallback(callback);
  await caller.submit(ids(1));
  atlas.completeNow();
  await vi.waitFor(() => expect(atlas.callbackCounts().delivered).toBe(1));
  await caller.submit(ids(1));
  await atlas.stop();
});
