import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect, test, vi } from 'vitest';
import { makeSchemas } from '../scripts/make-schemas.js';
import { checkBatchRequest } from '../src/jobs/request/request.js';
import { startSystem } from './helpers/system.js';

vi.setConfig({ testTimeout: 60_000 });

const DIRECTORY = new URL('../schemas/', import.meta.url);

function readSchema(name: string): object {
  return JSON.parse(readFileSync(new URL(name, DIRECTORY), 'utf8'));
}

function validator(name: string) {
  const ajv = new Ajv2020();
  formats.default(ajv);
  return ajv.compile(readSchema(name));
}

test('the published schemas are those of the sources; npm run schemas writes them', () => {
  const published = readdirSync(DIRECTORY).map((name) => [name, readSchema(name)]);
  expect(Object.fromEntries(published)).toEqual(Object.fromEntries(makeSchemas()));
});

const DOCUMENT = { documentId: '001', bucket: 'kyc', key: '8841/pan.jpg' };
const BATCH = { reference: 'loan-1', productType: 'LOAN_APP', documents: [DOCUMENT] };

test.each<[string, unknown]>([
  ['a batch', BATCH],
  ['a bare number as reference', { ...BATCH, reference: '42' }],
  [
    'Unicode in ids and keys',
    { ...BATCH, documents: [{ ...DOCUMENT, documentId: 'पैन', key: 'é' }] },
  ],
  ['dots alone', { ...BATCH, reference: '..' }],
  ['a slash in the reference', { ...BATCH, reference: 'a/b' }],
  ['a reference too long', { ...BATCH, reference: 'a'.repeat(129) }],
  ['no documents', { ...BATCH, documents: [] }],
  ['too many documents', { ...BATCH, documents: Array.from({ length: 10_001 }, () => DOCUMENT) }],
  ['an unknown key', { ...BATCH, priority: 1 }],
  ['an unknown key of a document', { ...BATCH, documents: [{ ...DOCUMENT, type: 'PAN' }] }],
  ['an empty key', { ...BATCH, documents: [{ ...DOCUMENT, key: '' }] }],
  ['a key too long', { ...BATCH, documents: [{ ...DOCUMENT, key: 'k'.repeat(1025) }] }],
  ['a number as id', { ...BATCH, documents: [{ ...DOCUMENT, documentId: 1 }] }],
  ['no product type', { reference: 'loan-1', documents: [DOCUMENT] }],
  ['no object', 'loan-1'],
])('the schema of the job and the check of the worker agree on %s', (_, data) => {
  expect(validator('batch.schema.json')(data)).toBe(checkBatchRequest(data).valid);
});

test('events and results of real batches keep to their schemas', async () => {
  const system = await startSystem({
    atlas: { neverArrives: (documentId) => documentId === 'x002' },
  });
  await system.startWorker({ BATCH_DEADLINE_MS: '2000' });
  await system.submit('good', 3);
  await system.submit('holes', 3, 'x');
  await system.add({ reference: 'bad', documents: 'none' });
  await system.add({ nothing: true }, 'batch-..');
  const good = await system.event('done-good');
  const failed = [
    await system.event('done-holes'),
    await system.event('done-bad'),
    await system.event('done-invalid~batch-..'),
  ];
  const [completedOk, failedOk] = [
    validator('batch-completed.schema.json'),
    validator('batch-failed.schema.json'),
  ];
  expect([completedOk(good.data), completedOk.errors]).toEqual([true, null]);
  expect(failedOk(good.data)).toBe(false);
  for (const { data } of failed) {
    expect([failedOk(data), failedOk.errors]).toEqual([true, null]);
    expect(completedOk(data)).toBe(false);
  }
  const resultsOk = validator('results.schema.json');
  for (const key of system.s3.list('results')) {
    const body = system.s3.get('results', key)?.body.toString() ?? '';
    expect([resultsOk(JSON.parse(body)), resultsOk.errors]).toEqual([true, null]);
  }
  expect(system.s3.list('results').length).toBeGreaterThanOrEqual(2);
});
