import { expect, it } from 'vitest';
import { previewBulk } from '../../src/batches/bulk/preview.js';
import type { ClientQueues } from '../../src/batches/client-queues.js';
import type { BatchFilter } from '../../src/batches/lists/batch-filter.js';
import { countBatches } from '../../src/batches/lists/count-batches.js';
import { type ListOptions, listBatches } from '../../src/batches/lists/list-batches.js';
import { begunKey } from '../../src/jobs/keys/redis-keys.js';
import { PRIORITIES } from '../../src/jobs/request/request.js';
import { LISTED_STATES } from '../../src/jobs/state/listed-facts.js';
import { type PlantedBatch, plant } from '../helpers/planted-batches.js';
import { openTestQueues } from '../helpers/test-queues.js';

async function allPages(queues: ClientQueues, options: ListOptions): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listBatches(queues, { ...options, cursor });
    found.push(...page.batches.map(({ reference }) => String(reference)));
    cursor = page.next ?? undefined;
    if (cursor === undefined) expect(page.searched).toBe(page.total);
  } while (cursor !== undefined);
  return found;
}

const CODES = ['ATLAS_AUTH', 'INCOMPLETE', 'STORAGE'] as const;

/** A batch of each kind that a number can name. */
function batchNumber(i: number): PlantedBatch {
  const state = LISTED_STATES[i % LISTED_STATES.length] ?? 'queued';
  return {
    reference: `loan-${String(i).padStart(3, '0')}`,
    state,
    code: CODES[i % CODES.length] ?? 'STORAGE',
    productType: i % 2 === 0 ? 'LOAN_APP' : 'CREDIT_CARD',
    tenant: `branch-${i % 5}`,
    priority: PRIORITIES[i % PRIORITIES.length],
    addedAt: 1000 + i,
    endedAt: 5000 + Math.floor(i / 10),
  };
}

function timeOf({ state, addedAt = 0, endedAt = 0 }: PlantedBatch): number {
  return state === 'completed' || state === 'failed' || state === 'cancelled' ? endedAt : addedAt;
}

function expected(batches: readonly PlantedBatch[], filter: BatchFilter): string[] {
  const { state, code, productType, tenant, priority, since, until } = filter;
  return batches
    .filter(
      (one) =>
        (state === undefined || [state].flat().includes(one.state ?? 'queued')) &&
        (code === undefined || (one.state === 'failed' && one.code === code)) &&
        (productType === undefined || one.productType === productType) &&
        (tenant === undefined || one.tenant === tenant) &&
        (priority === undefined || one.priority === priority) &&
        (since === undefined || timeOf(one) >= since.getTime()) &&
        (until === undefined || timeOf(one) <= until.getTime()),
    )
    .sort((a, b) => timeOf(b) - timeOf(a) || (a.reference < b.reference ? 1 : -1))
    .map(({ reference }) => reference);
}

it('a list brings what fits its filter, in order and page by page, from every state', async () => {
  const { queues } = openTestQueues();
  const batches = Array.from({ length: 140 }, (_, i) => batchNumber(i));
  await plant(queues, batches);
  const filters: BatchFilter[] = [
    {},
    ...LISTED_STATES.map((state) => ({ state })),
    { state: ['queued', 'processing', 'failed'] },
    { code: 'ATLAS_AUTH' },
    { productType: 'CREDIT_CARD', tenant: 'branch-3' },
    { priority: 'urgent', state: 'failed' },
    { since: new Date(1050), until: new Date(5005) },
    { state: 'failed', since: new Date(5003), until: new Date(5009) },
    { tenant: 'branch-9' },
  ];
  for (const filter of filters) {
    const newest = expected(batches, filter);
    expect(await allPages(queues, { ...filter, limit: 13 }), JSON.stringify(filter)).toEqual(
      newest,
    );
    const oldest = await allPages(queues, { ...filter, limit: 13, sort: 'oldest' });
    expect(oldest, JSON.stringify(filter)).toEqual(newest.reverse());
    const { matching, searched, total } = await countBatches(queues, filter);
    expect(matching, JSON.stringify(filter)).toBe(newest.length);
    expect(searched).toBeLessThanOrEqual(total);
  }
});

it('counts say what another value of each filter would find', async () => {
  const { queues } = openTestQueues();
  await plant(queues, [
    ...Array.from({ length: 4 }, (_, i) => batchNumber(7 * i + 5)),
    { reference: 'gone', state: 'cancelled', tenant: 'branch-1' },
    { reference: 'done', state: 'completed' },
  ]);
  const counts = await countBatches(queues, { state: 'failed', productType: 'LOAN_APP' });
  expect(counts).toMatchObject({
    matching: 2,
    searched: 5,
    total: 5,
    state: [
      { value: 'failed', count: 2 },
      { value: 'cancelled', count: 1 },
    ],
    productType: [
      { value: 'CREDIT_CARD', count: 2 },
      { value: 'LOAN_APP', count: 2 },
    ],
  });
  expect(counts.code.map(({ value }) => value).sort()).toEqual(['ATLAS_AUTH', 'STORAGE']);
});

it('a text finds batches by parts of reference, document id and S3 location, and by the id of an Atlas batch', async () => {
  const { queues } = openTestQueues();
  const document = {
    documentId: 'PAN-77',
    bucket: 'kyc-documents',
    key: '8841/caf\u00e9/pan card.jpg',
  };
  await plant(queues, [
    { reference: 'loan-8841', state: 'processing', documents: [document] },
    { reference: 'loan-8842', state: 'failed', metadata: { note: 'PAN-77 pan card.jpg' } },
    { reference: 'card-1' },
  ]);
  const texts = ['8841', 'N-884', 'pan-77', 'AN-7', '8841/caf', 'pan card.jpg'];
  texts.push('s3://kyc-documents/8841/caf\u00e9/pan card.jpg', 'documents/8841', 'cafe\u0301');
  for (const text of texts.filter((text) => text !== 'N-884')) {
    expect(await allPages(queues, { text }), text).toEqual(['loan-8841']);
  }
  expect((await allPages(queues, { text: 'N-884' })).sort()).toEqual(['loan-8841', 'loan-8842']);
  expect(await allPages(queues, { text: 'documentId' })).toEqual([]);
  expect(await allPages(queues, { text: 'batch-' })).toEqual([]);
  const redis = queues.link.redis;
  await redis.set(`${queues.prefix}:owner:BATCH-1`, '1 card-1');
  expect(await allPages(queues, { text: 'BATCH-1' })).toEqual(['card-1']);
});

it('a text is found however the JSON of its producer is written', async () => {
  const { queues } = openTestQueues();
  await plant(queues, [{ reference: 'php' }, { reference: 'python' }, { reference: 'other' }]);
  const data = (key: string) =>
    `{"productType" : "A", "documents": [{"documentId":"1","bucket":"b","key":"${key}"}]}`;
  const { redis } = queues.link;
  await redis.hset(queues.batches.toKey('batch-php'), 'data', data('2026\\/11\\/pan.jpg'));
  await redis.hset(queues.batches.toKey('batch-python'), 'data', data('caf\\u00e9.jpg'));
  expect(await allPages(queues, { text: '2026/11/pan.jpg' })).toEqual(['php']);
  expect(await allPages(queues, { text: 'café.jpg' })).toEqual(['python']);
});

it('batches that no worker has touched are told by what their producers wrote', async () => {
  const { queues } = openTestQueues();
  const { batches, link } = queues;
  const data = {
    reference: 'a',
    productType: 'GOLD',
    tenant: 'branch-1',
    priority: 'bulk',
    documents: [{ documentId: '1', bucket: 'kyc', key: 'x' }],
  };
  await batches.add('batch', data, { jobId: 'batch-a' });
  await batches.add('batch', data, { jobId: 'batch-b', priority: 7 });
  await batches.add('batch', data, { jobId: 'batch-c', delay: 60_000 });
  await batches.add('batch', 'no object', { jobId: 'batch-d' });
  for (const filter of [
    { tenant: 'branch-1' },
    { productType: 'GOLD', priority: 'bulk' } as const,
  ]) {
    expect((await allPages(queues, filter)).sort()).toEqual(['a', 'b', 'c']);
  }
  expect((await allPages(queues, { state: 'queued' })).sort()).toEqual(['a', 'b', 'c', 'd']);
  expect(await link.redis.hget(batches.toKey('batch-a'), 'facts')).toBe(
    'queued\t\tGOLD\tbranch-1\tbulk',
  );
  const [first] = (await listBatches(queues, { text: 'a', limit: 1 })).batches;
  expect(first).toMatchObject({
    reference: 'a',
    tenant: 'branch-1',
    priority: 'bulk',
    state: 'queued',
  });
});

it('what ended, was removed or was retried by other means than ours is listed as it is', async () => {
  const { queues } = openTestQueues();
  const { batches, link, prefix } = queues;
  await plant(queues, [
    { reference: 'removed', state: 'processing' },
    { reference: 'retried', state: 'failed', code: 'STORAGE' },
    { reference: 'by-hand', state: 'in-line' },
  ]);
  await (await batches.getJob('batch-removed'))?.remove();
  await (await batches.getJob('batch-retried'))?.retry();
  await link.redis.zrem(batches.toKey('delayed'), 'batch-by-hand');
  await link.redis.zadd(batches.toKey('failed'), 9, 'batch-by-hand');
  await link.redis.hset(batches.toKey('batch-by-hand'), 'finishedOn', 9, 'failedReason', 'x');
  expect(await allPages(queues, { state: 'queued' })).toEqual(['retried']);
  expect(await allPages(queues, { state: 'running' })).toEqual(['retried']);
  expect(await allPages(queues, { state: 'failed', code: 'INTERNAL' })).toEqual(['by-hand']);
  expect(await link.redis.zcard(begunKey(prefix))).toBe(0);
});

it.each([
  ['newest', 40, 60],
  ['newest', 400, 60],
  ['oldest', 40, 20],
] as const)(
  'a list by the %s finds each once where %i were removed by hand',
  async (sort, count, from) => {
    const { queues } = openTestQueues();
    const { batches, link, prefix } = queues;
    const running = Array.from(
      { length: count + 60 },
      (_, i): PlantedBatch => ({ reference: `loan-${i}`, state: 'processing', addedAt: 1000 + i }),
    );
    const gone = running.slice(from, from + count).map(({ reference }) => reference);
    const others = running.flatMap(({ reference }) => (gone.includes(reference) ? [] : reference));
    const startAnew = async () => {
      await link.redis.del(begunKey(prefix));
      await plant(queues, running);
      for (const one of gone) await (await batches.getJob(`batch-${one}`))?.remove();
    };
    await startAnew();
    const listed = await allPages(queues, { state: 'running', sort });
    expect(listed).toEqual(sort === 'newest' ? others.reverse() : others);
    expect(await link.redis.zcard(begunKey(prefix))).toBe(60);
    await startAnew();
    expect(await previewBulk(queues, 'cancel', { state: 'running' })).toMatchObject({
      batches: 60,
      isWhole: true,
    });
    await startAnew();
    expect(await countBatches(queues, { state: 'running' })).toMatchObject({ matching: 60 });
  },
);

it.each(['newest', 'oldest'] as const)(
  'batches whose timestamp has a fraction are listed by the %s once',
  async (sort) => {
    const { queues } = openTestQueues();
    const { batches, link, prefix } = queues;
    const references = ['a', 'b', 'c'];
    await plant(
      queues,
      references.map((reference, i) => ({ reference, state: 'processing', addedAt: 1000 + i })),
    );
    // As a producer writes it. Workers have the whole milliseconds.
    for (const [i, one] of references.entries())
      await link.redis.hset(batches.toKey(`batch-${one}`), 'timestamp', `${1000 + i}.5`);
    expect(await link.redis.zscore(begunKey(prefix), 'batch-a')).toBe('1000');
    const listed: (string | null)[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 4; page += 1) {
      const list = await listBatches(queues, { state: 'running', sort, limit: 1, cursor });
      listed.push(...list.batches.map(({ reference }) => reference));
      cursor = list.next ?? undefined;
      if (cursor === undefined) break;
    }
    expect(listed).toEqual(sort === 'newest' ? references.reverse() : references);
  },
);

it('what never changes of a batch is read for the first list that shows it, and for no other', async () => {
  const { queues } = openTestQueues();
  await plant(queues, [{ reference: 'big', productType: 'LOAN_APP', addedAt: 10 }]);
  const [first] = (await listBatches(queues, {})).batches;
  // Ten thousand documents take milliseconds of the event loop that also renews locks.
  await queues.link.redis.hset(queues.batches.toKey('batch-big'), 'data', 'unread');
  expect((await listBatches(queues, {})).batches).toEqual([first]);
  expect(first).toMatchObject({ productType: 'LOAN_APP' });
});

it('the nearest deadline comes first, of the batches whose deadline runs', async () => {
  const { queues } = openTestQueues();
  await plant(queues, [
    { reference: 'late', state: 'processing', addedAt: 30, tenant: 'a' },
    { reference: 'near', state: 'submitting', addedAt: 10, tenant: 'b' },
    { reference: 'next', state: 'processing', addedAt: 20, tenant: 'b' },
    { reference: 'line', state: 'in-line', addedAt: 5, tenant: 'b' },
  ]);
  expect(await allPages(queues, { sort: 'deadline', limit: 1 })).toEqual(['near', 'next', 'late']);
  expect(await allPages(queues, { sort: 'deadline', tenant: 'b' })).toEqual(['near', 'next']);
  // Only what has failed has a code, and its deadline runs no more.
  const failed = await listBatches(queues, { sort: 'deadline', code: 'ATLAS_AUTH' });
  expect(failed).toMatchObject({ batches: [], searched: 0, total: 0, next: null });
});

it('a page goes on where the last one ended, whatever came or went meanwhile', async () => {
  const { queues } = openTestQueues();
  const of = (from: number, state: 'failed' | 'queued'): PlantedBatch[] =>
    Array.from({ length: 4 }, (_, i) => ({
      ...{ reference: `${state}-${from + i}`, state, addedAt: from + i, endedAt: from + i },
    }));
  for (const state of ['failed', 'queued'] as const) {
    await plant(queues, of(10, state));
    const first = await listBatches(queues, { state, limit: 2 });
    const shown = first.batches.map(({ reference }) => reference);
    expect(shown).toEqual([`${state}-13`, `${state}-12`]);
    await plant(queues, of(20, state));
    const next = await allPages(queues, { state, limit: 2, cursor: first.next ?? '' });
    expect(next).toEqual(expect.arrayContaining([`${state}-11`, `${state}-10`]));
    await (await queues.batches.getJob(`batch-${state}-12`))?.remove();
    const list = await listBatches(queues, { state, limit: 9, cursor: first.next ?? '' });
    const after = list.batches.map(({ reference }) => reference);
    expect(after).toEqual(expect.arrayContaining([`${state}-10`]));
    expect(after).toContain(`${state}-11`);
  }
});

it.each([
  [{ state: 'lost' as never }, /state is one of queued/],
  [{ code: 'NONE' as never }, /code is one of/],
  [{ limit: 0 }, /limit is a whole number/],
  [{ sort: 'name' as never }, /sort is one of newest, oldest, deadline/],
  [{ cursor: 'nonsense' }, /cursor is none of this list/],
  [
    { cursor: Buffer.from('["newest",[["failed",[1],0,0]]]').toString('base64url') },
    /cursor is none/,
  ],
  [{ since: new Date(2), until: new Date(1) }, /since must not be later/],
  [{ tenant: 'a b' }, /tenant names one that no batch can have/],
  [{ status: 'failed' } as never, /list has no option status/],
])('a list that is asked for %j says what is wrong', async (options, message) => {
  const { queues } = openTestQueues();
  await expect(listBatches(queues, options)).rejects.toThrow(message);
});
