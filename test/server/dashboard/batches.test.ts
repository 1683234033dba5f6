import { type Job, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { gatePauseKey, wakeKey } from '../../../src/jobs/redis-keys.js';
import { html } from '../../../src/server/dashboard/html.js';
import { batchOf } from '../../client/test-client.js';
import { type System, startSystem } from '../../helpers/system.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { AUTHORIZATION, createServer, LOGIN, type TestServer } from '../test-server.js';

const HOUR_MS = 3_600_000;

/** A server and the queue of batches, without workers. */
async function startQuietServer() {
  const test = await createServer(LOGIN);
  const redis = new Redis(test.url, { maxRetriesPerRequest: null });
  const batches = new Queue('atlas-batches', { connection: redis, prefix: test.prefix });
  onTestFinished(async () => {
    await batches.close();
    redis.disconnect();
  });
  return { ...test, redis, batches };
}

/** A server with a worker; documents whose ids begin with `slow` never come by themselves. */
async function startWithWorker(): Promise<TestServer & { system: System }> {
  const system = await startSystem({
    atlas: { completionMs: ({ documentId }) => (documentId.startsWith('slow') ? HOUR_MS : 20) },
    environment: { ...LOGIN, POLL_MAX_MS: '600000' },
  });
  await system.startWorker();
  return { ...(await createServer(system.environment)), system };
}

const get = ({ server }: TestServer, path: string) =>
  server.app.inject({
    url: `/dashboard/batches${path}`,
    headers: { authorization: AUTHORIZATION },
  });

const act = ({ server }: TestServer, path: string, form = '') =>
  server.app.inject({
    method: 'POST',
    url: `/dashboard/batches/${path}`,
    headers: {
      authorization: AUTHORIZATION,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: form,
  });

async function inFlight(system: System, reference: string): Promise<Job> {
  return waitUntil(`the poll of ${reference}`, async () => {
    const polls = await system.pollJobs.getJobs(['delayed']);
    return polls.find(({ data, progress }) => {
      return data.reference === reference && Object(progress).polls > 0;
    });
  });
}

it('the html tag escapes everything but markup', () => {
  const evil = `<img src=x onerror="alert('1')">&`;
  expect(html`<p title="${evil}">${evil}${[html`<b>`, evil]}${null}${false}${0}</p>`.text).toBe(
    '<p title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;<b>&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;0</p>',
  );
});

it('the pages show everything that a batch holds as text', async () => {
  const test = await startQuietServer();
  const request = batchOf('evil', 1);
  const script = '<script>alert(1)</script>';
  const documents = request.documents.map((one) => ({ ...one, documentId: script, key: script }));
  await test.batches.add(
    'batch',
    { ...request, productType: script, documents },
    { jobId: 'batch-evil' },
  );
  await test.batches.add('batch', {}, { jobId: `batch-${script}` });
  for (const path of ['', '/evil', `?q=${encodeURIComponent(script)}`]) {
    const { body, statusCode } = await get(test, path);
    expect(statusCode).toBe(200);
    expect(body).not.toContain('<script>');
    expect(body).toContain('&lt;script&gt;');
  }
});

it('a list of batches has pages, newest first, and counts all of them', async () => {
  const test = await startQuietServer();
  await test.batches.addBulk(
    Array.from({ length: 60 }, (_, i) => ({
      name: 'batch',
      data: batchOf(`loan-${i}`, 1),
      opts: { jobId: `batch-loan-${i}` },
    })),
  );
  const shown = async (path: string) =>
    [...(await get(test, path)).body.matchAll(/batches\/(loan-\d+)"/g)].map(([, one]) => one);
  const pages = [await shown(''), await shown('?page=2'), await shown('?page=3')];
  expect(pages.map((page) => page.length)).toEqual([25, 25, 10]);
  expect(pages[0]?.[0]).toBe('loan-59');
  expect(new Set(pages.flat()).size).toBe(60);
  expect((await get(test, '?page=2')).body).toContain('Page 2 of 3');
  expect((await get(test, '?page=77')).statusCode).toBe(200);
  expect((await get(test, '?page=-1&show=nonsense')).body).toContain('loan-59');
});

it('the search finds a batch by reference, Atlas batch id, document id, or a part of the reference', async () => {
  const test = await startWithWorker();
  const { system } = test;
  await system.submit('loan-8841', 2, 'slow-a-');
  await system.submit('loan-8842', 2, 'slow-b-');
  const { data } = await inFlight(system, 'loan-8841');
  for (const text of ['loan-8841', data.atlasBatchId]) {
    const { headers, statusCode } = await get(test, `?q=${encodeURIComponent(text)}`);
    expect([statusCode, headers.location]).toEqual([303, '/dashboard/batches/loan-8841']);
  }
  const byDocument = await get(test, '?q=slow-b-002');
  expect(byDocument.body).toContain('>loan-8842</a>');
  expect(byDocument.body).not.toContain('>loan-8841</a>');
  expect(byDocument.body).toContain('Searched 2 of 2 batches');
  const byPart = await get(test, '?q=LOAN-88');
  expect(byPart.body).toContain('2 matches');
  expect((await get(test, '?q=slow-b')).body).toContain('Nothing found');
  expect((await get(test, '/nobody')).statusCode).toBe(404);
});

it('the search finds a document whose id is written in another Unicode form', async () => {
  const test = await startQuietServer();
  const request = batchOf('loan-1', 1);
  const documents = request.documents.map((one) => ({ ...one, documentId: 'cafe\u0301' }));
  await test.batches.add('batch', { ...request, documents }, { jobId: 'batch-loan-1' });
  const { body } = await get(test, `?q=${encodeURIComponent('caf\u00e9')}`);
  expect(body).toContain('>loan-1</a>');
});

it('the page of a batch shows its documents, uploads, timeline and outcome', async () => {
  const test = await startWithWorker();
  const { system } = test;
  await system.submit('told', 3);
  const { data } = await system.event('done-told');
  await waitUntil('the end', async () => (await system.batches.getCompletedCount()) === 1);
  const { body, headers } = await get(test, '/told');
  expect(headers['cache-control']).toBe('no-store');
  for (const text of [
    'Completed',
    data.batchIds[0],
    data.results[0],
    's3://kyc-documents/told/001.jpg',
    'checked 3 objects',
    'complete after',
  ]) {
    expect(body).toContain(text);
  }
  expect(body.match(/pill present/g)).toHaveLength(3);
  // By then the poll job does not tell any more whose the Atlas batch was.
  await waitUntil('no poll job', async () => (await system.pollJobs.getJobs()).length === 0);
  const found = await get(test, `?q=${encodeURIComponent(data.batchIds[0] ?? '')}`);
  expect(found.headers.location).toBe('/dashboard/batches/told');
});

it('an operator can have a batch polled at once', async () => {
  const test = await startWithWorker();
  const { system } = test;
  await system.submit('sleepy', 1, 'slow-');
  const poll = await inFlight(system, 'sleepy');
  system.atlas.completeNow(poll.data.atlasBatchId);
  const response = await act(test, 'sleepy/poll');
  expect([response.statusCode, response.headers.location]).toEqual([
    303,
    '/dashboard/batches/sleepy?done=woken',
  ]);
  expect((await system.event('done-sleepy')).data.status).toBe('completed');
  await waitUntil('the end', async () => (await system.batches.getCompletedCount()) === 1);
  expect((await act(test, 'sleepy/poll')).headers.location).toContain('done=ended');
  expect((await get(test, '/sleepy?done=ended')).body).toContain('It had ended already.');
});

it('an operator can cancel a batch with a reason, and retry it', async () => {
  const test = await startWithWorker();
  const { system } = test;
  await system.submit('unwanted', 1, 'slow-');
  const poll = await inFlight(system, 'unwanted');
  expect((await act(test, 'unwanted/retry')).headers.location).toContain('done=not-failed');
  await act(test, 'unwanted/cancel', `reason=${encodeURIComponent('sent by <mistake>')}`);
  const { data } = await system.event('done-unwanted');
  expect(data.reason).toEqual({ code: 'CANCELLED', message: 'sent by <mistake>' });
  await waitUntil('the end', async () => (await system.batches.getFailedCount()) === 1);
  expect((await get(test, '/unwanted')).body).toContain('sent by &lt;mistake&gt;');
  expect((await get(test, '?show=failed')).body).toContain('>unwanted</a>');
  system.atlas.completeNow(poll.data.atlasBatchId);
  expect((await act(test, 'unwanted/retry')).headers.location).toContain('done=retried');
  expect((await system.event('done-unwanted~2')).data.status).toBe('completed');
});

it('an action on an unknown batch leaves nothing in Redis', async () => {
  const test = await startQuietServer();
  for (const action of ['poll', 'cancel', 'retry']) {
    expect((await act(test, `ghost/${action}`)).headers.location).toContain('done=unknown');
    expect((await act(test, `..%2f..%2fx/${action}`)).statusCode).toBe(404);
  }
  expect(await test.redis.exists(wakeKey(test.prefix, 'ghost'))).toBe(0);
});

it('the pages answer 503 when Redis is away', async () => {
  const test = await createServer({ ...LOGIN, REDIS_URL: 'redis://127.0.0.1:1' });
  const { statusCode, body } = await get(test, '');
  expect([statusCode, body]).toEqual([503, '{"error":"Service Unavailable"}']);
});

it('a list reads the documents of a batch once, however often it is refreshed', async () => {
  const test = await startQuietServer();
  const { redis, batches, prefix } = test;
  const documents = Array.from({ length: 10_000 }, (_, i) => ({
    documentId: `${i}`,
    bucket: 'kyc',
    key: `${i}.pdf`,
  }));
  for (const reference of ['large-1', 'large-2']) {
    const data = { reference, productType: 'LOAN_APP', documents };
    await batches.add('batch', data, { jobId: `batch-${reference}` });
  }
  const monitor = await redis.monitor();
  onTestFinished(() => monitor.disconnect());
  const commands: string[] = [];
  monitor.on('monitor', (_time: string, args: string[]) => void commands.push(args.join(' ')));
  const read = (reference: string) =>
    commands.filter(
      (command) =>
        /^(hgetall|hget \S+ data)/i.test(command.replace(`${prefix}:`, '')) &&
        command.includes(`batch-${reference}`),
    ).length;
  for (const _ of [1, 2, 3]) {
    const { body } = await get(test, '?show=in-flight');
    expect(body.match(/0 of 10000/g)).toHaveLength(2);
    expect(body).toContain('LOAN_APP');
  }
  await redis.ping();
  await waitUntil('the commands', () => commands.some((command) => /^ping/i.test(command)));
  expect([read('large-1'), read('large-2')]).toEqual([1, 1]);
});

it('every page says that sending is paused, by whom, until when and why', async () => {
  const test = await startQuietServer();
  const pause = { since: '2026-11-24T00:00:00.000Z', until: null, reason: 'down <now>', by: 'ops' };
  await test.redis.set(gatePauseKey(test.prefix), JSON.stringify(pause));
  await test.batches.add('batch', batchOf('one', 1), { jobId: 'batch-one' });
  for (const path of ['', '/one']) {
    const { body } = await get(test, path);
    expect(body).toContain(
      'Paused by ops at 2026-11-24T00:00:00.000Z, until somebody resumes: down &lt;now&gt;',
    );
  }
  await test.redis.del(gatePauseKey(test.prefix));
  expect((await get(test, '')).body).not.toContain('Paused');
});
