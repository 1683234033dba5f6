import type { Job } from 'bullmq';
import { expect, it } from 'vitest';
import type { BatchStatus } from '../../../src/batches/status/status.js';
import { extensionKey, startedKey, wakeKey } from '../../../src/jobs/keys/redis-keys.js';
import type { PollState } from '../../../src/jobs/state/poll-state.js';
import { uploadsCard } from '../../../src/server/dashboard/batches/uploads-card.js';
import { nameOfPoll } from '../../../src/server/dashboard/job-names.js';
import { describePoll } from '../../../src/workers/poll/next-poll.js';
import { batchOf } from '../../client/test-client.js';
import { type System, startSystem } from '../../helpers/system.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { createServer, LOGIN, type TestServer } from '../test-server.js';
import { textOf } from './planted-pages.js';
import { act, get, startQuietServer } from './test-pages.js';

const HOUR_MS = 3_600_000;

/** A server with a worker; documents whose ids begin with `slow` never come by themselves. */
async function startWithWorker(): Promise<TestServer & { system: System }> {
  const system = await startSystem({
    atlas: { completionMs: ({ documentId }) => (documentId.startsWith('slow') ? HOUR_MS : 20) },
    environment: { ...LOGIN, POLL_MAX_MS: '600000' },
  });
  await system.startWorker();
  return { ...(await createServer(system.environment)), system };
}

async function inFlight(system: System, reference: string): Promise<Job> {
  return waitUntil(`the poll of ${reference}`, async () => {
    const polls = await system.pollJobs.getJobs(['delayed']);
    return polls.find(({ data, progress }) => {
      return data.reference === reference && Object(progress).polls > 0;
    });
  });
}

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
  expect(byDocument.body).toContain('searched 2 of 2 batches');
  const byPart = await get(test, '?q=LOAN-88');
  expect(byPart.body).toContain('2 matches');
  expect((await get(test, '?q=slow-c')).body).toContain('Nothing found');
  expect((await get(test, '/nobody')).statusCode).toBe(404);
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
  // Times that people read have one form, wherever they come from.
  const times = [...body.matchAll(/<time datetime="[^"]*">([^<]*)</g)].map(([, one]) => one);
  expect(times.length).toBeGreaterThan(4);
  for (const time of times) expect(time).toMatch(/^2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
  expect(body.replaceAll(/<[^>]*>/g, '')).not.toMatch(/\d{4}-\d\d-\d\dT\d/);
  // By then the poll job does not tell any more whose the Atlas batch was.
  await waitUntil('no poll job', async () => (await system.pollJobs.getJobs()).length === 0);
  const found = await get(test, `?q=${encodeURIComponent(data.batchIds[0] ?? '')}`);
  expect(found.headers.location).toBe('/dashboard/batches/told');
});

it('the page of a batch tells its priority and its tenant', async () => {
  const test = await startQuietServer();
  const batch = { ...batchOf('urgent', 1), priority: 'urgent', tenant: 'branch-12' };
  await test.batches.add('batch', batch, { jobId: 'batch-urgent' });
  await test.batches.add('batch', batchOf('plain', 1), { jobId: 'batch-plain' });
  const { body } = await get(test, '/urgent');
  expect(body).toContain('<dt>Priority</dt><dd>urgent</dd>');
  expect(body).toContain('<dt>Tenant</dt><dd>branch-12</dd>');
  const plain = (await get(test, '/plain')).body;
  expect(plain).toContain('<dt>Priority</dt><dd>normal</dd>');
  expect(plain).not.toContain('<dt>Tenant</dt>');
});

it('counts of four digits and more have separators, also where the script of no browser draws them', async () => {
  const test = await startQuietServer();
  await test.batches.add('batch', batchOf('large', 2000), { jobId: 'batch-large' });
  for (const path of ['/large', '?show=running']) {
    const { body } = await get(test, path);
    expect(textOf(body)).toContain('0 of 2,000 0 / 2,000');
    expect(textOf(body)).not.toMatch(/\b2000\b/);
  }
  const now = Date.now();
  const poll = { polls: 1234, present: 1500, total: 2000, nextPollAt: now + 5000 };
  expect(describePoll(poll as PollState, now)).toMatch(
    /^poll 1,234: 1,500 of 2,000 present, next in /,
  );
  expect(nameOfPoll({ id: 'one', progress: poll })).toContain('1,500 of 2,000 present');
  const documents = { present: 1500, total: 2000 };
  const uploads = [{ atlasBatchId: 'BATCH-1', round: 1, documents, polls: 1234, nextPollAt: null }];
  const card = uploadsCard({ uploads } as unknown as BatchStatus, now);
  expect(card && textOf(card.text)).toMatch(/1,500 \/ 2,000 .*1,234 polls/);
});

it('the documents of a large batch are narrowed by state and text', async () => {
  const test = await startQuietServer();
  await test.batches.add('batch', batchOf('large', 120), { jobId: 'batch-large' });
  const documentsIn = async (query: string) => {
    const { body, statusCode } = await get(test, `/large${query}`);
    expect(statusCode).toBe(200);
    return [...body.matchAll(/<td class="ref"><b class="mono">([^<]*)</g)].map(([, id]) => id);
  };
  expect(await documentsIn('')).toHaveLength(50);
  const some = await documentsIn('?documents=unsent&page=3');
  expect(some).toHaveLength(20);
  const [last = ''] = some.slice(-1);
  expect(await documentsIn(`?documents=all&find=${last.toUpperCase()}`)).toEqual([last]);
  expect(await documentsIn('?documents=missing')).toEqual([]);
  for (const beyond of ['4', '77', '9999999999'])
    expect(await documentsIn(`?documents=unsent&page=${beyond}`)).toEqual(some);
  const { body } = await get(test, '/large?documents=unsent&page=77');
  expect(textOf(body)).toContain('Page 3 of 3 Before');
  expect(textOf((await get(test, '/large?documents=missing&page=7')).body)).not.toContain('Page');
  for (const fine of ['?page=0', '?page=-1&find=', '?documents=&done=woken', '?done=x'])
    expect(await documentsIn(fine)).toHaveLength(50);
});

it.each([
  ['documnets=missing', 'There is no parameter “documnets”; did you mean documents?'],
  ['q=pan', 'There is no parameter “q”.'],
  [`${'x'.repeat(99)}=`, `There is no parameter “${'x'.repeat(40)}”.`],
  ['documents=mising', 'documents is one of missing, awaited, unsent, present, all.'],
  ['find=a&find=b', 'find is given more than once.'],
  [
    'page=2&page=3&documents=x&documents=y&Find=a',
    'There is no parameter “Find”; did you mean find? documents is given more than once. page is given more than once.',
  ],
])(
  'the page of a batch refuses what an address says and nobody can do, as the lists do: %s',
  async (query, says) => {
    const test = await startQuietServer();
    await test.batches.add('batch', batchOf('one', 1), { jobId: 'batch-one' });
    const refused = await get(test, `/one?${query}`);
    expect([refused.statusCode, refused.json().message]).toEqual([400, says]);
  },
);

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
  expect((await get(test, '?show=cancelled')).body).toContain('>unwanted</a>');
  system.atlas.completeNow(poll.data.atlasBatchId);
  expect((await act(test, 'unwanted/retry')).headers.location).toContain('done=retried');
  expect((await system.event('done-unwanted~2')).data.status).toBe('completed');
});

it('an operator can give a batch more time on its page', async () => {
  const test = await startQuietServer();
  await test.batches.add('batch', batchOf('late', 1), { jobId: 'batch-late' });
  await test.redis.zadd(startedKey(test.prefix), 1000, 'batch-late');
  expect((await get(test, '/late')).body).toContain('<option value="2h">2 hours</option>');
  for (const hours of [2, 4]) {
    const { headers } = await act(test, 'late/deadline', 'more=2h');
    expect(headers.location).toBe('/dashboard/batches/late?done=extended');
    const flag = JSON.parse((await test.redis.get(extensionKey(test.prefix, 'late'))) ?? '');
    expect(flag.ms).toBe(hours * HOUR_MS);
    // It is near its deadline so much later.
    const since = await test.redis.zscore(startedKey(test.prefix), 'batch-late');
    expect(Number(since)).toBe(1000 + hours * HOUR_MS);
  }
  expect((await get(test, '/late?done=extended')).body).toContain('It was given 4 h more, in all.');
  expect((await act(test, 'late/deadline', 'more=years')).headers.location).toContain('no-time');
});

it('an action on an unknown batch leaves nothing in Redis', async () => {
  const test = await startQuietServer();
  for (const action of ['poll', 'cancel', 'deadline', 'retry']) {
    expect((await act(test, `ghost/${action}`, 'more=1h')).headers.location).toContain(
      'done=unknown',
    );
    expect((await act(test, `..%2f..%2fx/${action}`)).statusCode).toBe(404);
  }
  expect(await test.redis.exists(wakeKey(test.prefix, 'ghost'))).toBe(0);
});

it('the pages answer 503 when Redis is away', async () => {
  const test = await createServer({ ...LOGIN, REDIS_URL: 'redis://127.0.0.1:1' });
  const { statusCode, body } = await get(test, '');
  expect([statusCode, body]).toEqual([503, '{"error":"Service Unavailable"}']);
});
