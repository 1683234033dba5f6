import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { InvalidBatchError } from '../../src/client/client-errors.js';
import { checkBatchRequest } from '../../src/jobs/request/request.js';
import { batchOf, startClient } from './test-client.js';

function plainQueue(url: string, prefix: string): Queue {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  onTestFinished(() => connection.disconnect());
  return new Queue('atlas-batches', { connection, prefix });
}

test('enqueue adds a job as the contract says: name, id and data', async () => {
  const { client, url, prefix } = startClient();
  const batch = batchOf('loan-1');
  expect(await client.enqueue(batch)).toEqual({ status: 'added', reference: 'loan-1' });
  const job = await plainQueue(url, prefix).getJob('batch-loan-1');
  expect([job?.name, job?.data]).toEqual(['batch', batch]);
});

test('enqueue leaves priority, tenant and metadata of a batch as they are', async () => {
  const { client, url, prefix } = startClient();
  const batch = {
    ...batchOf('loan-1'),
    ...{ priority: 'urgent' as const, tenant: 'branch-12' },
    metadata: { 'case no.': '4711', note: ' ஆவணம் "as it is" \n' },
  };
  await client.enqueue(batch);
  expect((await plainQueue(url, prefix).getJob('batch-loan-1'))?.data).toEqual(batch);
  expect((await client.enqueue({ ...batch, priority: 'bulk' })).status).toBe('conflict');
});

test('the same batch again is a duplicate, another under its reference a conflict', async () => {
  const { client } = startClient();
  await client.enqueue(batchOf('loan-2'));
  expect((await client.enqueue(batchOf('loan-2'))).status).toBe('duplicate');
  expect((await client.enqueue(batchOf('loan-2', 3))).status).toBe('conflict');
  expect((await client.status('loan-2')).documents.total).toBe(2);
});

test('enqueue knows a batch that a plain BullMQ producer has added', async () => {
  const { client, url, prefix } = startClient();
  const { reference, productType, documents } = batchOf('loan-3');
  await plainQueue(url, prefix).add(
    'batch',
    { documents, productType, reference },
    { jobId: 'batch-loan-3' },
  );
  expect((await client.enqueue(batchOf('loan-3'))).status).toBe('duplicate');
});

test('of many clients that add the same batch at once exactly one has added it', async () => {
  const first = startClient();
  const clients = [first, ...Array.from({ length: 7 }, () => startClient(first))];
  const results = await Promise.all(
    clients.map(({ client }) => client.enqueue(batchOf('contended'))),
  );
  expect(results.map(({ status }) => status).sort()).toEqual([
    'added',
    ...Array.from({ length: 7 }, () => 'duplicate'),
  ]);
});

test('enqueue makes a reference where none is given, another for each batch', async () => {
  const { client } = startClient();
  const { reference: _, ...batch } = batchOf('unused');
  const [one, other] = await client.enqueueMany([batch, batch]);
  expect(one?.status).toBe('added');
  expect(other?.status).toBe('added');
  expect(one?.reference).not.toBe(other?.reference);
  expect(one?.reference).toMatch(/^[\w.-]{1,128}$/);
});

test('a bad batch fails at its caller with the very issues that the worker would name', async () => {
  const { client, url, prefix } = startClient();
  const bad = { ...batchOf('bad'), extra: 1, documents: [{ documentId: '', bucket: 5 }] };
  const check = checkBatchRequest(bad);
  const error = await client.enqueue(bad as never).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(InvalidBatchError);
  expect(error.issues).toEqual(check.valid ? [] : check.issues);
  expect(error.issues.length).toBeGreaterThan(2);
  expect(await plainQueue(url, prefix).getJobCounts('waiting')).toEqual({ waiting: 0 });
});

test.each([null, undefined, 'text', 7, []])(
  'enqueue refuses %j, and does not crash',
  async (data) => {
    const { client } = startClient();
    await expect(client.enqueue(data as never)).rejects.toBeInstanceOf(InvalidBatchError);
  },
);

test('enqueue says of a list that another method takes it, and enqueueMany that it is no batch', async () => {
  const { client } = startClient();
  for (const list of [[], [batchOf('a')]]) {
    await expect(client.enqueue(list as never)).rejects.toThrow(
      /^the batch is not valid: it is a list; give a list of batches to enqueueMany$/,
    );
    await expect(client.enqueueMany([batchOf('b'), list as never])).rejects.toThrow(
      /^the batch is not valid: batches\[1\]: the data must be an object$/,
    );
  }
  expect(await client.enqueueMany([])).toEqual([]);
});

test('enqueueMany adds nothing when one batch is bad, and names all issues of all', async () => {
  const { client, url, prefix } = startClient();
  const batches = [batchOf('a'), { ...batchOf('b'), productType: '' }, batchOf('c', 0)];
  const error = await client.enqueueMany(batches).catch((thrown) => thrown);
  expect(error.issues).toEqual([
    expect.stringMatching(/^batches\[1\]: productType /),
    expect.stringMatching(/^batches\[2\]: documents /),
  ]);
  expect(await plainQueue(url, prefix).getJobCounts('waiting')).toEqual({ waiting: 0 });
});

test('enqueueMany adds each batch once and gives its status in order, over many chunks', async () => {
  const { client, url, prefix } = startClient();
  const batches = Array.from({ length: 1203 }, (_, i) => batchOf(`many-${i}`, 1));
  await client.enqueueMany([batches[700] ?? batchOf('none')]);
  const results = await client.enqueueMany([...batches, batchOf('many-3', 2)]);
  expect(results.map(({ reference }) => reference)).toEqual([
    ...batches.map(({ reference }) => reference),
    'many-3',
  ]);
  const other = results.flatMap(({ status }, i) => (status === 'added' ? [] : [`${i} ${status}`]));
  expect(other).toEqual(['700 duplicate', '1203 conflict']);
  expect(await plainQueue(url, prefix).getJobCounts('waiting')).toEqual({ waiting: 1203 });
});
