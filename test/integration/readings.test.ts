/** What Atlas may answer to a poll, beyond its documentation: each of these was an incident somewhere. */
import { describe, expect, it } from 'vitest';
import type { PollState } from '../../src/jobs/state/poll-state.js';
import type { AtlasFaultRule, AtlasRequestView } from '../../src/simulator/index.js';
import { ALL_AT_ONCE, endOf, ITEM, SOON, sendUnder } from '../helpers/faulty-batch.js';
import { startHostileAtlas } from '../helpers/hostile-atlas.js';
import { readResults } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

describe('one bad item', () => {
  it.each([
    ['no-file-data', '001', 'it has no file_data'],
    ['null-file-data', '001', 'its file_data is null'],
    ['empty-file-data', '001', 'its file_data is empty'],
    ['empty-file-data', '001', 'its file_data is no object', { empty: 'false' }],
    ['blank-ids', null, 'its document_id is not printable text'],
  ] as [AtlasFaultRule['fault'], string | null, string, Partial<AtlasFaultRule>?][])(
    'an item of five with the fault %s costs that item only (%s: %s)',
    async (fault, documentId, reason, more = {}) => {
      const system = await sendUnder([{ fault, ...more }], SOON);
      const { data, stored } = await endOf(system);
      expect(data).toMatchObject({
        reason: { code: 'INCOMPLETE' },
        documents: { total: 5, present: 4, missing: ['001'] },
      });
      expect(stored).toMatchObject([{ missing: ['001'], unreadable: [{ documentId, reason }] }]);
      expect(stored[0]?.documents).toHaveLength(4);
    },
  );

  it('a NaN becomes null and is noted, and the batch completes', async () => {
    const { data, stored } = await endOf(await sendUnder([{ fault: 'not-a-number' }]));
    expect(data).toMatchObject({ status: 'completed', documents: { present: 5 } });
    expect(stored[0]?.documents[0]?.extracts[0]).toMatchObject({ quality: null });
    expect(stored[0]?.unreadable).toEqual([
      { documentId: '001', reason: 'it held a NaN or Infinity, which became null' },
    ]);
  });

  it.each([
    { fault: 'null-file-data', times: 2 },
    { fault: 'huge-body', bytes: 33 * 1024 * 1024, endpoint: 'extracts', times: 2 },
  ] as AtlasFaultRule[])(
    'a second extract of a document that cannot be read at first (%j) is not lost',
    async (rule) => {
      const system = await sendUnder([rule], {
        documents: 1,
        atlas: { extractsPerDocument: () => 2 },
        environment: { ATLAS_EXTRACTS_PER_PAGE: '2' },
      });
      const { data, stored } = await endOf(system);
      expect(data.status).toBe('completed');
      expect(stored[0]?.documents[0]?.extracts).toHaveLength(2);
      expect(stored[0]?.unreadable).toEqual([]);
    },
  );

  it('what one poll can read and another cannot is not lost, however long that lasts', async () => {
    let polls = 0;
    const bad = ({ page }: AtlasRequestView) => {
      if (page === 1) polls += 1;
      return page === 1 + (polls % 2) && polls < 12;
    };
    const system = await sendUnder([{ fault: 'null-file-data', match: bad }], {
      documents: 1,
      atlas: { extractsPerDocument: () => 3 },
      environment: { ATLAS_EXTRACTS_PER_PAGE: '1' },
    });
    const { data, stored } = await endOf(system);
    expect(data.status).toBe('completed');
    expect(stored[0]?.documents[0]?.extracts).toHaveLength(3);
    expect(stored[0]?.unreadable).toEqual([]);
  });

  it('an extract that is too large alone costs that extract only', async () => {
    const system = await sendUnder(
      [{ fault: 'huge-body', bytes: 33 * 1024 * 1024, match: ({ page }) => page === 2 }],
      { ...SOON, environment: { ...SOON.environment, ATLAS_EXTRACTS_PER_PAGE: '2' } },
    );
    const { data, stored } = await endOf(system);
    expect(data).toMatchObject({
      reason: { code: 'INCOMPLETE' },
      documents: { total: 5, present: 4, missing: ['002'] },
    });
    expect(stored[0]?.unreadable).toEqual([
      { documentId: null, reason: expect.stringContaining('extract 2 of the list') },
    ]);
  });

  it.each([
    { fault: 413 },
    { fault: 413, body: 'html' },
    { fault: 400 },
    { fault: 422 },
    { fault: 500 },
    { fault: 504, body: 'html' },
    { fault: 'html-200' },
    { fault: 'truncated-json' },
    { fault: 'cut-body' },
    { fault: 'hang' },
    { fault: 'huge-body', bytes: 33 * 1024 * 1024 },
  ] as AtlasFaultRule[])(
    'an extract for which its page is never given (%j) costs that extract only',
    async (rule) => {
      const holdsThird = ({ page = 1, perPage = 50 }: AtlasRequestView) =>
        Math.ceil(3 / perPage) === page;
      const system = await sendUnder([{ ...rule, endpoint: 'extracts', match: holdsThird }], {
        documents: 6,
        atlas: { extractsPerDocument: () => 2 },
        environment: { ATLAS_TIMEOUT_MS: '1000', ATLAS_EXTRACTS_PER_PAGE: '8' },
      });
      const { data, stored, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 6 } });
      expect(uploads).toBe(1);
      const kept = stored[0]?.documents.map(({ extracts }) => extracts.length);
      expect(kept).toEqual([2, 1, 2, 2, 2, 2]);
      expect(stored[0]?.unreadable).toEqual([
        { documentId: null, reason: expect.stringContaining('extract 3 of the list') },
      ]);
    },
  );

  it.each([500, 422] as const)(
    'the first extract of a list longer than a page, with which nothing is given (%i), costs itself only',
    async (fault) => {
      const match = ({ page }: AtlasRequestView) => page === 1;
      const system = await sendUnder([{ fault, endpoint: 'extracts', match }], {
        documents: 6,
        atlas: { extractsPerDocument: () => 2 },
        environment: { ATLAS_EXTRACTS_PER_PAGE: '4' },
      });
      const { data, stored } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 6 } });
      expect(stored[0]?.documents.map(({ extracts }) => extracts.length)).toEqual([
        ...[1, 2, 2, 2, 2, 2],
      ]);
    },
  );

  it.each([500, 400, 'html-200'] as const)(
    'an Atlas of which no page can be read for a while (%s) loses nothing',
    async (fault) => {
      const system = await sendUnder([{ fault, endpoint: 'extracts', times: 60 }], {
        documents: 6,
        environment: { ATLAS_EXTRACTS_PER_PAGE: '4' },
      });
      const { data, stored, uploads } = await endOf(system);
      expect(data).toMatchObject({ status: 'completed', documents: { present: 6 } });
      expect(uploads).toBe(1);
      expect(stored[0]?.unreadable).toEqual([]);
    },
  );

  it('documents whose ids come back filled up with blanks are present', async () => {
    const { data, stored } = await endOf(await sendUnder([{ fault: 'padded-ids' }]));
    expect(data).toMatchObject({ status: 'completed', polls: 1 });
    expect(stored).toMatchObject([{ missing: [], unexpected: [], unreadable: [] }]);
  });

  it('a document that comes as an object instead of a list is present', async () => {
    const system = await sendUnder([{ fault: 'object-for-list' }], { documents: 1 });
    expect((await endOf(system)).data).toMatchObject({ status: 'completed', polls: 1 });
  });

  it('documents whose ids come back as numbers are present', async () => {
    const ids = ['1', '22', '007', '9007199254740993'];
    const system = await sendUnder([{ fault: 'number-ids' }], { ids });
    const { data, stored } = await endOf(system);
    expect(data.status).toBe('completed');
    expect(stored).toMatchObject([{ missing: [], unexpected: [], unreadable: [] }]);
  });

  it('healthy batches are not held up by one whose answers cannot be read', async () => {
    const system = await startSystem({ atlas: ALL_AT_ONCE });
    await system.startWorker();
    await system.submit('sick', 1, 'sick-');
    const [{ batchId } = { batchId: '' }] = await waitUntil('the upload', () =>
      system.atlas.uploads().length > 0 ? system.atlas.uploads() : null,
    );
    system.atlas.setFaults({
      rules: [{ fault: 'truncated-json', match: (r) => r.batchId === batchId }],
    });
    await waitUntil('many unreadable answers', () => system.atlas.requests.count('extracts') > 12);
    const before = system.atlas.requests.count('extracts');
    await system.submit('well', 1, 'well-');
    expect((await system.event('done-well')).data.status).toBe('completed');
    expect(system.atlas.requests.count('extracts') - before).toBeLessThan(30);
  });
});

it.each([
  [{}, '30732'],
  [{ long: true }, '9007199254740993'],
])('an Atlas batch whose id is a number (%j) is polled under it', async (size, batchId) => {
  const { data, uploads } = await endOf(await sendUnder([{ fault: 'number-batch-id', ...size }]));
  expect(data).toMatchObject({ status: 'completed', batchIds: [batchId] });
  expect(uploads).toBe(1);
});

it('an Atlas batch whose id is the number 0 is polled under it', async () => {
  const system = await startSystem();
  const url = await startHostileAtlas(() => ({ data: [ITEM], page: 1, has_next: false }), 0);
  await system.startWorker({ ATLAS_BASE_URL: url });
  await system.submit('loan', 1);
  const { data } = await endOf(system);
  expect(data).toMatchObject({ status: 'completed', batchIds: ['0'] });
});

it('polls keep an upload alive when the deadline is raised in an outage', async () => {
  const system = await startSystem({ atlas: ALL_AT_ONCE });
  const short = { BATCH_DEADLINE_MS: '1500' };
  const worker = await system.startWorker(short);
  system.atlas.setFaults({ rules: [{ fault: 503, endpoint: 'extracts' }] });
  await system.submit('loan', 2);
  await waitUntil('a poll in the outage', async () => {
    const [poll] = await system.pollJobs.getJobs();
    return (poll?.progress as Partial<PollState> | undefined)?.errorStreak !== undefined;
  });
  await worker.stop();
  await system.startWorker({ BATCH_DEADLINE_MS: '60000' });
  await waitUntil(
    'the old deadline',
    () => performance.now() - (system.atlas.uploads()[0]?.at ?? 0) > 2000,
  );
  system.atlas.clearFaults();
  const { data, uploads } = await endOf(system);
  expect(data.status).toBe('completed');
  expect(uploads).toBe(1);
});

/** One document of five never comes; whatever happens after the others have is decided by the test. */
const FOUR_COME = { ...ALL_AT_ONCE, neverArrives: (id: string) => id.endsWith('005') };
const DEADLINE = { BATCH_DEADLINE_MS: '4000', RESUBMIT_MISSING: '0', ATLAS_TIMEOUT_MS: '1000' };

async function pollStates(system: System): Promise<PollState[]> {
  return (await system.pollJobs.getJobs()).map(({ progress }) => progress as PollState);
}

it('the extracts of one poll are kept when no later one succeeds, or sees fewer', async () => {
  const system = await startSystem({ atlas: FOUR_COME });
  await system.startWorker(DEADLINE);
  const rules = [
    { fault: 503, endpoint: 'extracts' },
    { fault: 404, endpoint: 'extracts' },
    { fault: 'hang', endpoint: 'extracts' },
    { fault: 'truncated-json', endpoint: 'extracts' },
    { fault: 'empty-page' },
  ] as const;
  await Promise.all(rules.map(({ fault }) => system.submit(`${fault}`, 5, `${fault}-`)));
  await waitUntil('a reading of each', async () => {
    const states = await pollStates(system);
    return states.filter(({ seen }) => seen?.present === 4).length === rules.length;
  });
  const faultOf = new Map(
    system.atlas.uploads().map(({ batchId, documentIds: [id = ''] }) => [batchId, id]),
  );
  system.atlas.setFaults({
    rules: rules.map((rule) => ({
      ...rule,
      match: ({ batchId = '' }) => faultOf.get(batchId) === `${rule.fault}-001`,
    })),
  });
  for (const { fault } of rules) {
    const { data } = await system.event(`done-${fault}`);
    expect(data.documents, String(fault)).toMatchObject({ present: 4, missing: [`${fault}-005`] });
    expect(data.reason?.code === 'INCOMPLETE', String(fault)).toBe(fault === 'empty-page');
    const [stored] = data.results.map((uri) => readResults(system, uri));
    expect(stored?.documents, String(fault)).toHaveLength(4);
    expect(stored).toMatchObject({ missing: [`${fault}-005`] });
  }
});

it('what one worker has read is stored before another ends the batch', async () => {
  const system = await startSystem({ atlas: FOUR_COME });
  const first = await system.startWorker(DEADLINE);
  await system.submit('loan', 5);
  await waitUntil('a reading', async () => (await pollStates(system))[0]?.seen?.present === 4);
  system.atlas.setFaults({ rules: [{ fault: 500, endpoint: 'extracts' }] });
  await waitUntil('a stored reading', async () => (await pollStates(system))[0]?.stored === 4);
  await first.stop();
  await system.startWorker(DEADLINE);
  const { data, stored } = await endOf(system);
  expect(data.documents).toMatchObject({ present: 4, missing: ['005'] });
  expect(stored[0]?.documents).toHaveLength(4);
});

it('pages that can be read are stored when others never can', async () => {
  const system = await sendUnder(
    [{ fault: 503, endpoint: 'extracts', match: ({ page = 1 }) => page > 1 }],
    { environment: { ...DEADLINE, ATLAS_EXTRACTS_PER_PAGE: '2' } },
  );
  const { data, stored } = await endOf(system);
  expect(data.documents).toMatchObject({ present: 2, missing: ['003', '004', '005'] });
  expect(stored[0]?.documents.map(({ documentId }) => documentId)).toEqual(['001', '002']);
});
