import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_REFERENCE_LENGTH } from '../../../src/jobs/ids.js';
import {
  MAX_PREFIX_BYTES,
  parseResultUri,
  resultKey,
  resultsRoot,
  resultUri,
} from '../../../src/storage/results/results-key.js';

describe('the key of a results object', () => {
  test.each([
    ['', 'BATCH-30732-SIYKJ-20251121113228', 'loan-8841/BATCH-30732-SIYKJ-20251121113228.json'],
    ['kyc/', 'B_1.x~y', 'kyc/loan-8841/B_1.x~y.json'],
    ['', 'a/b c:d%é', 'loan-8841/a%2Fb%20c%3Ad%25%C3%A9.json'],
    ['', '..', 'loan-8841/...json'],
    ['', '\ud800\n', 'loan-8841/%EF%BF%BD%0A.json'],
  ])('the key of a results object with prefix %j and batch id %j is %j', (prefix, batchId, key) => {
    expect(resultKey(prefix, 'loan-8841', batchId)).toBe(key);
  });

  test('the key of a results object keeps within what S3 and file systems take, whatever the batch id', () => {
    const long = '\u6f22'.repeat(200);
    const keys = [long, `${long.slice(1)}\u5b57`, ' '.repeat(200), 'x'.repeat(200)].map((batchId) =>
      resultKey('p'.repeat(MAX_PREFIX_BYTES), 'r'.repeat(MAX_REFERENCE_LENGTH), batchId),
    );
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) {
      expect(key.length).toBeLessThanOrEqual(1024);
      expect(key.split('/').at(-1)?.length).toBeLessThanOrEqual(255);
      expect(() => decodeURIComponent(key)).not.toThrow();
    }
    expect(keys[3]).toMatch(/\/x{200}\.json$/);
    expect(keys[0]).toMatch(/\/%E6%BC%A2.*=[\w-]{22}\.json$/);
  });

  test('the key of a results object differs for different batch ids, and never leaves its reference', () => {
    const wellFormed = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(wellFormed, wellFormed, (one, other) => {
        expect(resultKey('', 'r', one) === resultKey('', 'r', other)).toBe(one === other);
        expect(resultKey('', 'r', one).split('/')).toHaveLength(2);
      }),
    );
  });
});

test('the URI of a results object names its key as it is', () => {
  const uri = resultUri(resultsRoot('atlas-results', 'kyc/'), 'loan-1', 'a/b');
  expect(uri).toBe('s3://atlas-results/kyc/loan-1/a%2Fb.json');
  expect(parseResultUri(uri)).toEqual({
    bucket: 'atlas-results',
    key: resultKey('kyc/', 'loan-1', 'a/b'),
  });
});
