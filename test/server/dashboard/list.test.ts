import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { documentsSentKey, quotaUsedKey } from '../../../src/jobs/keys/gate-keys.js';
import { runCommand } from '../../cli/run-command.js';
import { batchOf } from '../../client/test-client.js';
import { plant } from '../../helpers/planted-batches.js';
import { openTestQueues } from '../../helpers/test-queues.js';
import { waitUntil } from '../../helpers/wait-until.js';
import { createServer, LOGIN } from '../test-server.js';
import { get, startQuietServer } from './test-pages.js';

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
  const older = async (path: string) =>
    /href="\/dashboard\/batches(\?[^"]*)">Older/
      .exec((await get(test, path)).body)?.[1]
      ?.replaceAll('&amp;', '&') ?? '';
  const second = await older('');
  const third = await older(second);
  const pages = [await shown(''), await shown(second), await shown(third)];
  expect(pages.map((page) => page.length)).toEqual([25, 25, 10]);
  expect(pages[0]?.[0]).toBe('loan-59');
  expect(new Set(pages.flat()).size).toBe(60);
  expect(await older(third)).toBe('');
  expect((await get(test, '?show=nonsense')).body).toContain('Nothing was searched');
});

it('a batch whose producer gave its job a priority of BullMQ is listed and counted with those that wait', async () => {
  const test = await startQuietServer();
  const data = batchOf('hurried', 1);
  await test.batches.add('batch', data, { jobId: 'batch-hurried', priority: 7 });
  expect(await test.batches.getPrioritizedCount()).toBe(1);
  const page = (await get(test, '?show=running')).body;
  expect(page).toContain('batches/hurried"');
  expect(page).toMatch(/>Running<.*?>1</s);
  expect(page).toContain('Cancel all 1…');
});

it('how long a batch took is told as one time, of which its page and the command line say what it is', async () => {
  const test = await startQuietServer();
  const { queues } = openTestQueues(test);
  // It waited for two hours. Then it failed, and was retried an hour later.
  const [addedAt, minute] = [Date.parse('2026-11-23T10:00:00Z'), 60_000];
  const submittedAt = addedAt + 120 * minute;
  await plant(queues, [
    {
      reference: 'retried',
      state: 'completed',
      addedAt,
      submittedAt,
      endedAt: submittedAt + 64 * minute,
    },
    { reference: 'never-sent', state: 'failed', addedAt, endedAt: submittedAt },
  ]);
  const environment = { REDIS_URL: test.url, QUEUE_PREFIX: test.prefix };
  const told = await runCommand(['status', 'retried', 'never-sent'], environment);
  expect(told.stdout).toMatch(/^ {2}ended {6}\S+, 1 h 4 min after it was submitted$/m);
  expect(told.stdout).toMatch(/^ {2}ended {6}2026-11-23T12:00:00.000Z$/m);
  expect((await get(test, '/retried')).body).toContain('1 h 4 min after it was submitted<');
  expect((await get(test, '/never-sent')).body).not.toContain('after it was');
  const list = (await get(test, '?show=all')).body;
  expect(list).toContain('>1 h 4 min<');
  expect(list).not.toMatch(/class="dim">[23] h/);
});

it('the search, and that within a batch, find a document whose id is written in another Unicode form', async () => {
  const test = await startQuietServer();
  const request = batchOf('loan-1', 1);
  const documents = request.documents.map((one) => ({ ...one, documentId: 'cafe\u0301' }));
  await test.batches.add('batch', { ...request, documents }, { jobId: 'batch-loan-1' });
  const text = encodeURIComponent('Caf\u00e9');
  expect((await get(test, `?q=${text}`)).body).toContain('>loan-1</a>');
  expect((await get(test, `/loan-1?find=${text}`)).body).toContain('>cafe\u0301</b>');
});

it('a list reads the documents of a batch once to count and once to show it, however often it is refreshed', async () => {
  // ioredis takes what it is told of others' commands for a reply when they come before its own.
  const own = await startPrivateRedis();
  onTestFinished(() => own.stop());
  const test = await startQuietServer({ REDIS_URL: own.url });
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
    const { body } = await get(test, '?show=running');
    expect(body.match(/0 of 10,000/g)).toHaveLength(2);
    expect(body).toContain('LOAN_APP');
  }
  await redis.ping();
  await waitUntil('the commands', () => commands.some((command) => /^ping/i.test(command)));
  expect([read('large-1'), read('large-2')]).toEqual([2, 2]);
});

it('the list of batches and the metrics say what was sent today, and what is left of the quota', async () => {
  const noQuota = await startQuietServer();
  const test = await createServer({ ...LOGIN, ATLAS_MAX_DOCUMENTS_PER_DAY: '1000' });
  const [seconds] = await noQuota.redis.time();
  const day = new Date(Number(seconds) * 1000).toISOString().slice(0, 10);
  for (const { prefix } of [noQuota, test])
    await noQuota.redis.hset(documentsSentKey(prefix), { [day]: 120, '2025-01-01': 7 });
  expect((await get(noQuota, '')).body).toContain('<b>120</b></div>');
  // What is sent of a day on which nobody has asked the quota yet counts too.
  expect((await get(test, '')).body).toContain('<b>120</b><small>880 of 1,000 left</small>');
  await noQuota.redis.hset(quotaUsedKey(test.prefix), { day, documents: 1000 });
  expect((await get(test, '')).body).toContain('<b>120</b><small>0 of 1,000 left</small>');
  const { body } = await test.server.app.inject('/metrics');
  expect(body).toContain('atlas_batch_documents_sent_today 120');
  expect(body).toContain('atlas_batch_quota_documents 1000');
  expect(body).toContain('atlas_batch_quota_left_documents 0');
});
