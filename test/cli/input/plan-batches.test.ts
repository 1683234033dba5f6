import { expect, test } from 'vitest';
import { parseLocation, planBatches } from '../../../src/cli/input/plan-batches.js';
import { UsageError } from '../../../src/errors.js';
import { checkBatchRequest } from '../../../src/jobs/request/request.js';

const plan = (uri: string, keys: string[], options = {}) =>
  planBatches(parseLocation(uri), keys, { productType: 'LOAN_APP', ...options });

const brief = (batches: ReturnType<typeof plan>) =>
  batches.map(({ reference, documents }) => [
    reference,
    ...documents.map(({ documentId, key }) => `${documentId} < ${key}`),
  ]);

test('all objects below a prefix are one batch, named after its last part', () => {
  const batches = plan('s3://kyc/loans/8841/', ['loans/8841/a.jpg', 'loans/8841/x/b.pdf']);
  expect(brief(batches)).toEqual([
    ['8841', 'a.jpg < loans/8841/a.jpg', 'x/b.pdf < loans/8841/x/b.pdf'],
  ]);
  expect(batches.map((batch) => checkBatchRequest(batch).valid)).toEqual([true]);
});

test('a location is a folder, with or without its last slash', () => {
  for (const uri of ['s3://kyc/loans/8841', 's3://kyc/loans/8841/']) {
    expect(parseLocation(uri)).toEqual({ bucket: 'kyc', prefix: 'loans/8841/' });
  }
  expect(brief(plan('s3://kyc/8841', ['8841/a.jpg']))).toEqual([['8841', 'a.jpg < 8841/a.jpg']]);
  expect(brief(plan('s3://kyc', ['a.jpg']))).toEqual([['kyc', 'a.jpg < a.jpg']]);
});

test('with --by-folder each folder is a batch, and the objects beside them are one more', () => {
  const keys = ['in/a b/1.jpg', 'in/a b/2.jpg', 'in/c/d/3.jpg', 'in/4.jpg'];
  expect(brief(plan('s3://kyc/in/', keys, { byFolder: true }))).toEqual([
    ['a-b', '1.jpg < in/a b/1.jpg', '2.jpg < in/a b/2.jpg'],
    ['c', 'd/3.jpg < in/c/d/3.jpg'],
    ['in', '4.jpg < in/4.jpg'],
  ]);
  const named = plan('s3://kyc/in/', keys, { byFolder: true, reference: 'run-7' });
  expect(named.map(({ reference }) => reference)).toEqual(['run-7-a-b', 'run-7-c', 'run-7']);
});

test('two folders with the same reference are refused', () => {
  expect(() => plan('s3://kyc/', ['a b/1', 'a?b/1'], { byFolder: true })).toThrow(UsageError);
});

test('more documents than a batch holds become several batches', () => {
  const keys = Array.from({ length: 20_001 }, (_, i) => `big/${i}`);
  const batches = plan('s3://kyc/big/', keys);
  expect(batches.map(({ reference, documents }) => [reference, documents.length])).toEqual([
    ['big-1', 10_000],
    ['big-2', 10_000],
    ['big-3', 1],
  ]);
});

test('no batch is planned when there are no objects', () => {
  expect(plan('s3://kyc/empty/', [])).toEqual([]);
});

test.each(['kyc/8841', 's3:/kyc', 's3://', 'https://kyc.s3.amazonaws.com/'])(
  'the text %s is refused as a location of documents',
  (uri) => {
    expect(() => parseLocation(uri)).toThrow(UsageError);
  },
);

const FOLDERS = ['ऋण', 'आधार', 'आधार-2', 'loan-ऋण', '契約', 'x'.repeat(200), 'x'.repeat(201)];

test('folders in any script have references of their own, which stay when others come', () => {
  const keys = FOLDERS.map((folder) => `${folder}/1.jpg`);
  const all = plan('s3://kyc/', keys, { byFolder: true });
  expect(new Set(all.map(({ reference }) => reference)).size).toBe(7);
  expect(all.map((batch) => checkBatchRequest(batch).valid)).toEqual(Array(7).fill(true));
  const [alone] = plan('s3://kyc/', ['आधार/1.jpg'], { byFolder: true });
  expect(alone?.reference).toBe(all[1]?.reference);
  expect(plan('s3://kyc/', ['loan-ऋण/1'], { byFolder: true })[0]?.reference).toMatch(
    /^loan-[0-9a-f]{12}$/,
  );
});

test('a reference that would be too long is cut, and still of one batch', () => {
  const reference = 'r'.repeat(128);
  const keys = Array.from({ length: 10_001 }, (_, i) => `${i}`);
  const batches = plan('s3://kyc/', keys, { reference });
  expect(batches.map((batch) => batch.reference.length)).toEqual([128, 128]);
  expect(batches.map((batch) => checkBatchRequest(batch).valid)).toEqual([true, true]);
});

test('names that cannot be ids, or are equal when normalised, get ids of their own', () => {
  const long = `${'d'.repeat(150)}/pan.jpg`;
  const keys = [
    '👩‍👩‍👧 pan.jpg',
    'पैन.jpg',
    'क्‍ष.jpg',
    'caf\u00e9.jpg',
    'cafe\u0301.jpg',
    long,
    `${long}x`,
  ];
  const [batch] = plan('s3://kyc/', keys);
  expect(checkBatchRequest(batch)).toMatchObject({ valid: true });
  const ids = batch?.documents.map(({ documentId }) => documentId) ?? [];
  expect(ids[1]).toBe('पैन.jpg');
  expect(ids[5]).toMatch(/^[0-9a-f]{12}-d+\/pan\.jpg$/);
  expect(new Set(ids.map((id) => id.normalize('NFC'))).size).toBe(keys.length);
  expect(batch?.documents.map(({ key }) => key)).toEqual(keys);
  expect(plan('s3://kyc/', keys)).toEqual([batch]);
});
