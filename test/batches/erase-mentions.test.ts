import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { audited } from '../../src/batches/audit.js';
import type { ClientQueues } from '../../src/batches/client-queues.js';
import { DocumentNames } from '../../src/batches/erase/document-names.js';
import { eraseBatch, eraseUntilGone } from '../../src/batches/erase/erase-batch.js';
import type { Traces } from '../../src/batches/erase/erase-scope.js';
import { redact } from '../../src/batches/erase/redact.js';
import type { AuditRecord } from '../../src/jobs/audit-record.js';
import { erasedDigest } from '../../src/jobs/erased.js';
import { auditKey, bulkKey } from '../../src/jobs/keys/redis-keys.js';
import {
  type BulkOrder,
  createRecord,
  readRecord,
  updateRecord,
} from '../../src/server/dashboard/batches/bulk/bulk-record.js';
import { startClient } from '../client/test-client.js';
import { dumpRedis } from '../helpers/dump-redis.js';
import { plant } from '../helpers/planted-batches.js';
import { openTestQueues } from '../helpers/test-queues.js';

const REFERENCE = 'loan-8841';
const DAY_MS = 86_400_000;

const TRACES: Traces = {
  ...{ reference: REFERENCE, timestamp: null, span: { from: 0, until: Date.now() } },
  ...{ earlierToo: true, atlasBatchIds: new Set(), ends: new Set(), eventJobIds: new Set() },
  documentNames: new DocumentNames([]),
};

const ORDER: Omit<BulkOrder, 'id'> = {
  ...{ action: 'cancel', of: 'batches', total: 3, rate: null, by: 'alice', startedAt: 1 },
  ...{ which: `failed, with ${REFERENCE}`, reason: `Wrong scan in Loan-8841.` },
};

const RECORD: AuditRecord = {
  ...{ at: new Date(1).toISOString(), actor: 'alice', via: 'cli', address: null, action: 'cancel' },
  ...{ reference: null, filter: null, count: null, reason: null, outcome: 'begun' },
};

it('the name of a batch is redacted in any case, and a longer one is left', () => {
  const redacted = (text: string) => redact(text, 'a.1');
  expect(redacted('a.1, (A.1): "a.1". See a.1...')).toBe('***, (***): "***". See ***...');
  expect(redacted('...a.1')).toBe('...***');
  const others = 'a.10 a.1-b a.1.b x.a.1 -a.1 a-1 ba.1';
  expect(redacted(others)).toBe(others);
  for (const reference of ['sha256', 'erased', '..x', '-'])
    expect(redact(redact(`of ${reference}`, reference), reference)).toBe('of ***');
});

it('an erase takes the name out of what operators did to many, whether that ended, is under way or lost its server', async () => {
  const { queues, redis, prefix } = openTestQueues();
  const now = Date.now();
  const progress = { done: 1, changed: 1 };
  await createRecord(queues, { ...ORDER, id: 'ended' });
  await updateRecord(queues, 'ended', { ...progress, state: 'done', at: now });
  await createRecord(queues, { ...ORDER, id: 'lost' });
  await updateRecord(queues, 'lost', { ...progress, state: 'running', at: now - DAY_MS });
  await createRecord(queues, { ...ORDER, id: 'runs' });
  await createRecord(queues, {
    ...ORDER,
    id: 'other',
    which: 'with loan-88410',
    reason: undefined,
  });
  const other = await redis.hget(bulkKey(prefix, 'other'), 'order');

  const removed = await eraseUntilGone({ redis, prefix }, TRACES);
  expect(removed).toEqual({ jobs: 0, keys: 3, entries: 0, mentions: 3 });
  // Its server goes on, and knows the order.
  await updateRecord(queues, 'runs', { ...progress, state: 'running', at: now });
  expect(await readRecord(queues, 'runs', now)).toEqual({
    ...ORDER,
    ...{ id: 'runs', which: 'failed, with ***', reason: 'Wrong scan in ***.' },
    ...{ ...progress, state: 'running', at: now },
  });
  expect((await readRecord(queues, 'lost', now))?.state).toBe('lost');
  expect(await redis.pttl(bulkKey(prefix, 'runs'))).toBeGreaterThan(0);
  expect(await redis.hget(bulkKey(prefix, 'other'), 'order')).toBe(other);
  expect((await dumpRedis(redis, prefix)).replace('loan-88410', '')).not.toMatch(/loan-8841/i);
});

it('an erase takes the name out of changes, to others too, that no worker has written into its log yet', async () => {
  const { redis, prefix } = openTestQueues();
  const records: AuditRecord[] = [
    { ...RECORD, filter: { text: REFERENCE, tenant: 'branch-1' }, reason: 'ticket 7' },
    { ...RECORD, reference: REFERENCE, reason: `${REFERENCE} is a scan of nobody` },
    { ...RECORD, reference: 'loan-1', reason: `instead of ${REFERENCE}` },
    { ...RECORD, filter: { text: 'loan-88410', tenant: REFERENCE } },
    // Asked for while somebody erases it, by a clock that is not ours.
    { ...RECORD, at: new Date(Date.now() + DAY_MS).toISOString(), reason: REFERENCE },
  ];
  const key = auditKey(prefix);
  await redis.rpush(key, ...records.map((record) => JSON.stringify(record)));
  expect((await eraseUntilGone({ redis, prefix }, TRACES)).keys).toBe(3);
  expect((await eraseUntilGone({ redis, prefix }, TRACES)).keys).toBe(0);
  const left = await redis.lrange(key, 0, -1);
  expect(left.map((text) => JSON.parse(text))).toEqual([
    { ...records[0], filter: { text: '***', tenant: 'branch-1' } },
    {
      ...records[1],
      ...{
        reference: `sha256:${erasedDigest(REFERENCE, null)}`,
        reason: '*** is a scan of nobody',
      },
    },
    { ...records[2], reason: 'instead of ***' },
    records[3],
    records[4],
  ]);
});

/** A batch that can be erased, and one that erases it without S3. */
async function eraseWithDocuments(
  queues: ClientQueues,
  documents: { documentId: string; bucket: string; key: string }[],
) {
  await plant(queues, [{ reference: REFERENCE, state: 'completed', documents, addedAt: 1 }]);
  const nothing = async () => 0;
  const eraser = { count: nothing, erase: nothing, eraseObjects: nothing, close() {} };
  return eraseBatch(queues, REFERENCE, { eraser });
}

const scan = (documentId: string, key: string) => ({ documentId, bucket: 'kyc-scans', key });

it('an erase takes searches out that name a document of the batch by its id or its key, and leaves others', async () => {
  const { queues, redis, prefix } = openTestQueues();
  const searches: [search: string, left: string][] = [
    ['PAN-abcde1234f', '***'],
    // A part of it, and more than it, also in another Unicode form and with what divides the words of a record.
    ['abcde1234', '***'],
    ['s3://kyc-scans/in/asha, with love', '***'],
    ['scans/in/ASHA', '***'],
    ['old/PAN-ABCDE1234F.pdf', '***'],
    ['cafe\u0301-7', '***'],
    ['BATCH-loan-8841', '***'],
    ['PAN-ABCDE1234FG', 'PAN-ABCDE1234FG'],
    ['s3://kyc-scans/', 's3://kyc-scans/'],
    ['mortgage', 'mortgage'],
  ];
  for (const [i, [search]] of searches.entries()) {
    const which = `failed, product LOAN_APP, with ${search}`;
    await createRecord(queues, { ...ORDER, id: `${i}`, which, reason: 'ticket 7' });
    const record = { ...RECORD, filter: { text: search, state: 'failed' } };
    await redis.rpush(auditKey(prefix), JSON.stringify(record));
  }
  const { status } = await eraseWithDocuments(queues, [
    scan('PAN-ABCDE1234F', 'in/asha, with love/1.pdf'),
    scan('caf\u00e9-7', 'in/2.pdf'),
  ]);
  expect(status).toBe('erased');
  const records = await redis.lrange(auditKey(prefix), 0, -1);
  for (const [i, [search, left]] of searches.entries()) {
    const order = await readRecord(queues, `${i}`, Date.now());
    expect([search, order?.which]).toEqual([search, `failed, product LOAN_APP, with ${left}`]);
    expect([search, JSON.parse(records[i] ?? '').filter]).toEqual([
      search,
      { text: left, state: 'failed' },
    ]);
  }
});

it('an erase that judges a thousand searches by 10,000 documents lets others get on meanwhile', async () => {
  const { queues, redis, prefix } = openTestQueues();
  const records = Array.from({ length: 1000 }, (_, i) =>
    JSON.stringify({ ...RECORD, filter: { text: `none-${i}` } }),
  );
  await redis.rpush(auditKey(prefix), ...records, records[0] ?? '');
  const documents = Array.from({ length: 10_000 }, (_, i) =>
    scan(`pan-${i}`, `applications/2026/11/loan-8841/pan-${i}.pdf`),
  );
  const held = monitorEventLoopDelay({ resolution: 1 });
  held.enable();
  const began = performance.now();
  const { status } = await eraseWithDocuments(queues, documents);
  const tookMs = performance.now() - began;
  held.disable();
  expect(status).toBe('erased');
  expect(held.max / 1e6).toBeLessThan(tookMs / 3);
  expect(await redis.llen(auditKey(prefix))).toBe(1001);
});

it('the record of an erase does not name the batch, also where the reason does', async () => {
  const { queues, redis, prefix } = openTestQueues();
  const auditor = { actor: { name: 'alice', via: 'cli' } } as const;
  const reason = `${REFERENCE}, as ticket 7 says`;
  const change = { action: 'erase', reference: REFERENCE, reason } as const;
  await audited(
    queues,
    auditor,
    change,
    async () => {},
    () => ({ outcome: 'erased' }),
  );
  const [text = ''] = await redis.lrange(auditKey(prefix), 0, -1);
  expect(text).not.toContain(REFERENCE);
  expect(JSON.parse(text)).toMatchObject({ reason: '***, as ticket 7 says', outcome: 'erased' });
});

it('a batch is erased whose producer wrote a fraction of a millisecond, which BullMQ leaves out', async () => {
  const { queues, redis, prefix } = openTestQueues();
  await plant(queues, [{ reference: REFERENCE, state: 'completed', addedAt: 1796058263230.5 }]);
  const nothing = async () => 0;
  const eraser = { count: nothing, erase: nothing, eraseObjects: nothing, close() {} };
  const { status, certificate } = await eraseBatch(queues, REFERENCE, { eraser });
  expect([status, certificate?.removed.jobs]).toEqual(['erased', 1]);
  expect(certificate?.digest).toBe(erasedDigest(REFERENCE, 1796058263230));
  expect(await dumpRedis(redis, prefix)).not.toContain(REFERENCE);
});

it('an erase takes a search by a part of the reference out of what operators did to many', async () => {
  const { queues, prefix } = openTestQueues();
  await createRecord(queues, { ...ORDER, id: 'part', which: 'failed, with AN-88' });
  await createRecord(queues, { ...ORDER, id: 'other', which: 'failed, with card' });
  await eraseUntilGone({ redis: queues.link.redis, prefix }, TRACES);
  const whichOf = async (id: string) => (await readRecord(queues, id, Date.now()))?.which;
  expect(await whichOf('part')).toBe('failed, with ***');
  expect(await whichOf('other')).toBe('failed, with card');
});

it('a reference of which only refused commands are known stays unknown, and its name goes from what they left', async () => {
  const { client } = startClient();
  for (const refused of ['cancel', 'retry', 'redeliver'] as const)
    expect((await client[refused]('loan-no')).status).toBe('unknown');
  expect(await client.erase('loan-no')).toEqual({
    ...{ status: 'unknown', reference: 'loan-no', certificate: null },
  });
});
