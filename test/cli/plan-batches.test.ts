import { expect, test } from 'vitest';
import { parseLocation, planBatches } from '../../src/cli/plan-batches.js';
import { UsageError } from '../../src/errors.js';
import { checkBatchRequest } from '../../src/jobs/request.js';

const plan = (uri: string, keys: string[], options = {}) =>
  planBatches(parseLocation(uri), keys, { productType: 'LOAN_APP', ...options });

const brief = (batches: ReturnType<typeof plan>) =>
  batches.map(({ reference, documents }) => [
    reference,
    ...documents.map(({ documentId, key }) => `${documentId} < ${key}`),
  ]);

test('all objects below a prefix are one batch, named after its last part', () => {
  const batches = plan('s3://kyc/loans/8841/', [
    'loans/8841/',
    'loans/8841/a.jpg',
    'loans/8841/x/b.pdf',
  ]);
  expect(brief(batches)).toEqual([
    ['8841', 'a.jpg < loans/8841/a.jpg', 'x/b.pdf < loans/8841/x/b.pdf'],
  ]);
  expect(batches.map((batch) => checkBatchRequest(batch).valid)).toEqual([true]);
});

test('a prefix that ends inside a name keeps the name whole in the reference', () => {
  expect(brief(plan('s3://kyc/loans/88', ['loans/8841.jpg']))).toEqual([
    ['88', '8841.jpg < loans/8841.jpg'],
  ]);
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
  expect(plan('s3://kyc/empty/', ['empty/'])).toEqual([]);
});

test.each(['kyc/8841', 's3:/kyc', 's3://', 'https://kyc.s3.amazonaws.com/'])(
  'the text %s is refused as a location of documents',
  (uri) => {
    expect(() => parseLocation(uri)).toThrow(UsageError);
  },
);
