/** What real services answer to an upload, and what becomes of its batch. */
import { expect, it } from 'vitest';
import { batchesEnded } from '../helpers/batches-ended.js';
import { expectAllEndedOnce, expectFewSubmissions, stateOf } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';

const TIMEOUT_MS = 60_000;
const QUICK = { completionMs: 0, extractsPerDocument: () => 1, fetchUrls: false };

async function submitMany(system: System, count: number, documents = 1) {
  const names = Array.from({ length: count }, (_, index) => `b-${index}`);
  return Promise.all(names.map((name) => system.submit(name, documents, `${name}-`)));
}

it('a batch id that is a number is polled, and nothing is sent again', async () => {
  const system = await startSystem({ atlas: QUICK });
  system.atlas.setFaults({ rules: [{ fault: 'number-batch-id' }] });
  await system.startWorker();
  await system.submit('numbered', 3);
  const { data } = await system.event('done-numbered');
  expect(data).toMatchObject({ status: 'completed', batchIds: [expect.stringMatching(/^\d+$/)] });
  expect(system.atlas.uploads()).toHaveLength(1);
});

it('a batch id with blanks around it is polled without them', async () => {
  const system = await startSystem({ atlas: QUICK });
  system.atlas.setFaults({ rules: [{ fault: 'padded-batch-id' }] });
  await system.startWorker();
  await system.submit('padded', 3);
  const { data } = await system.event('done-padded');
  const [{ batchId } = { batchId: '' }] = system.atlas.uploads();
  expect(data).toMatchObject({ status: 'completed', batchIds: [batchId] });
});

it('an upload that Atlas took without a readable id is sent once more at most, and no other batch waits for it', async () => {
  const system = await startSystem({ atlas: QUICK });
  await system.startWorker();
  const sick = ({ documentIds = [] }: { documentIds?: readonly string[] | undefined }) =>
    documentIds.some((id) => id.startsWith('sick-'));
  system.atlas.setFaults({ rules: [{ fault: 'no-batch-id', match: sick }] });
  const names = Array.from({ length: 6 }, (_, index) => `sick-${index}`);
  const requests = await Promise.all(names.map((name) => system.submit(name, 1, `${name}-`)));
  requests.push(...(await submitMany(system, 6)));
  await batchesEnded(system, 12, TIMEOUT_MS);
  for (const name of names) {
    const { data } = await system.event(`done-${name}`);
    expect(data.reason?.code).toBe('AMBIGUOUS_SUBMISSION');
  }
  expect(system.atlas.uploads()).toHaveLength(2 * names.length + 6);
  await expectAllEndedOnce(system, requests);
});

it.each(['html', 'text', 'empty'] as const)(
  'a 404 of a gateway (%s) on uploads for three seconds fails no batch',
  async (body) => {
    const system = await startSystem({ atlas: QUICK });
    system.atlas.setFaults({
      rules: [{ fault: 404, endpoint: 'multiupload', body, untilMs: 3000 }],
    });
    await system.startWorker();
    const requests = await submitMany(system, 15);
    await batchesEnded(system, 15, TIMEOUT_MS);
    for (const { reference } of requests) {
      expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
    }
    expect(system.atlas.uploads()).toHaveLength(15);
  },
);

it.each(['json', 'html'] as const)(
  'an upload that is too large (413 in %s) is sent in halves, down to one document',
  async (body) => {
    const system = await startSystem({ atlas: QUICK });
    const isLarge = ({ documentIds = [] }: { documentIds?: readonly string[] | undefined }) =>
      documentIds.length > 3;
    const rule = { fault: 413, endpoint: 'multiupload', body, match: isLarge } as const;
    system.atlas.setFaults({ rules: [rule] });
    await system.startWorker();
    const request = await system.submit('large', 17);
    const { data } = await system.event('done-large');
    expect(data).toMatchObject({ status: 'completed', documents: { present: 17, missing: [] } });
    const sizes = [...system.atlas.batches()].map(({ documentIds }) => documentIds.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(17);
    await expectFewSubmissions(system, [request]);

    system.atlas.setFaults({
      rules: [{ ...rule, match: ({ documentIds = [] }) => documentIds.includes('002') }],
    });
    await system.submit('one-too-large', 3);
    expect((await system.event('done-one-too-large')).data).toMatchObject({
      status: 'failed',
      reason: { code: 'ATLAS_REJECTED', message: expect.stringContaining('002 is too large') },
    });
  },
);

it('a conflict after a response that was lost is ambiguous, and a conflict at first is refused', async () => {
  const system = await startSystem({ atlas: QUICK });
  system.atlas.setFaults({
    rules: [{ fault: 'reset-after', endpoint: 'multiupload', times: 1 }, { fault: 'conflict' }],
  });
  await system.startWorker();
  await system.submit('lost', 2);
  const { data } = await system.event('done-lost');
  expect(data.reason).toMatchObject({
    code: 'AMBIGUOUS_SUBMISSION',
    message: expect.stringContaining('409'),
  });
  expect((await stateOf(system, 'lost')).uploads[0]?.resubmissions).toBe(1);

  await batchesEnded(system, 1, TIMEOUT_MS);
  // An operator's retry knows that too.
  await (await system.batches.getJob('batch-lost'))?.retry('failed');
  expect((await system.event('done-lost~2')).data.reason?.code).toBe('AMBIGUOUS_SUBMISSION');

  await system.submit('again', 2);
  expect((await system.event('done-again')).data.reason?.code).toBe('ATLAS_REJECTED');
});

it('an Atlas that fails 40 % of the uploads at random ends 100 batches long before their deadline', {
  timeout: 150_000,
}, async () => {
  const system = await startSystem({
    atlas: QUICK,
    environment: { BATCH_DEADLINE_MS: '150000', SUBMIT_CONCURRENCY: '20' },
  });
  const rule = { endpoint: 'multiupload', probability: 0.2 } as const;
  system.atlas.setFaults({
    rules: [
      { ...rule, fault: 500 },
      { ...rule, fault: 503, probability: 0.25 },
    ],
  });
  await system.startWorker();
  const requests = await submitMany(system, 100);
  const from = performance.now();
  await batchesEnded(system, 100, 60_000);
  expect(performance.now() - from).toBeLessThan(60_000);
  for (const { reference } of requests) {
    const { data } = await system.event(`done-${reference}`);
    expect(data.reason?.code ?? data.status).toMatch(/^(completed|AMBIGUOUS_SUBMISSION)$/);
  }
  await expectAllEndedOnce(system, requests);
  await expectFewSubmissions(system, requests);
});
