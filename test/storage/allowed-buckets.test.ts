import { describe, expect, test } from 'vitest';
import { isBucketAllowed } from '../../src/storage/allowed-buckets.js';

describe('without a list', () => {
  test.each(['kyc-documents', 'my.bucket.2', 'results2', 'a--b'])(
    'the plain bucket %j is allowed when there is no list',
    (bucket) => {
      expect(isBucketAllowed(bucket, [], 'results')).toBe(true);
    },
  );

  test.each([
    'results',
    'arn:aws:s3:eu-west-1:123456789012:accesspoint/results',
    'arn:aws:s3::123456789012:accesspoint/m.mrap',
    'results-point-abc123-s3alias',
    'results--ol-s3',
    '..',
    '.',
    '',
    'results/loan-1',
    'x?y',
    'x%2Fy',
    'x\n',
    'Old_Bucket',
    'ab',
  ])(
    'the bucket %j is not allowed when there is no list: it is, or may lead to, the results bucket',
    (bucket) => {
      expect(isBucketAllowed(bucket, [], 'results')).toBe(false);
    },
  );
});

describe('with a list', () => {
  const accessPoint = 'arn:aws:s3:eu-west-1:123456789012:accesspoint/kyc';
  const listed = ['kyc-documents', accessPoint];

  test.each(listed)('the bucket %j is allowed by the list', (bucket) => {
    expect(isBucketAllowed(bucket, listed, 'results')).toBe(true);
  });

  test.each(['other', 'KYC-documents', 'kyc-documents ', 'kyc', '', 'results'])(
    'the bucket %j is not allowed by the list',
    (bucket) => {
      expect(isBucketAllowed(bucket, listed, 'results')).toBe(false);
    },
  );

  test('the results bucket is a source when it is listed', () => {
    expect(isBucketAllowed('results', ['results'], 'results')).toBe(true);
  });
});
