import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkBatchRequest, MAX_DOCUMENTS } from '../../../src/jobs/request/request.js';

const document = (documentId: string) => ({ documentId, bucket: 'kyc', key: `${documentId}.jpg` });
const request = (changes: object = {}) => ({
  reference: 'loan-8841',
  productType: 'LOAN_APP',
  documents: [document('001'), document('002')],
  ...changes,
});
const issuesOf = (data: unknown) => {
  const check = checkBatchRequest(data);
  return check.valid ? [] : check.issues;
};

it('a valid request is taken as it is', () => {
  expect(checkBatchRequest(request())).toEqual({ valid: true, request: request() });
});

it('a request may have a priority, a tenant and metadata', () => {
  const metadata = Object.fromEntries(
    Array.from({ length: 16 }, (_, n) => [`${n}`.padEnd(64, 'k'), 'v'.repeat(256)]),
  );
  const optional = { priority: 'urgent', tenant: 'branch-12', metadata };
  expect(issuesOf(request(optional))).toEqual([]);
});

it.each([
  'kyc',
  'my.bucket.2',
  'a'.repeat(63),
  'arn:aws:s3:ap-south-1:123456789012:accesspoint/kyc',
  'arn:aws-us-gov:s3:us-gov-west-1:123456789012:accesspoint:kyc',
  'arn:aws:s3-object-lambda:ap-south-1:123456789012:accesspoint/kyc',
  'arn:aws:s3::123456789012:accesspoint/m1.mrap',
  'arn:aws:s3-outposts:ap-south-1:123456789012:outpost/op-01ab/accesspoint/kyc',
])('a request may name the bucket %s', (bucket) => {
  expect(issuesOf(request({ documents: [{ ...document('1'), bucket }] }))).toEqual([]);
});

it('a request may hold as many documents as the contract allows', () => {
  const documents = Array.from({ length: MAX_DOCUMENTS }, (_, i) => document(`d${i}`));
  expect(issuesOf(request({ documents }))).toEqual([]);
});

describe('issues', () => {
  it.each([
    ['an unknown key', request({ urgency: 1 }), ['urgency is not a known key']],
    [
      'a priority that there is not',
      request({ priority: 'high' }),
      ['priority must be urgent, normal or bulk'],
    ],
    [
      'a tenant with a blank',
      request({ tenant: 'branch 12' }),
      ['tenant must be 1 to 64 of A-Z a-z 0-9 . _ -'],
    ],
    [
      'too many strings of metadata',
      request({ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [n, ''])) }),
      ['metadata must hold at most 16 strings'],
    ],
    [
      'metadata under a long key',
      request({ metadata: { ['k'.repeat(65)]: '' } }),
      ['metadata must have keys of 1 to 64 characters'],
    ],
    [
      'long metadata',
      request({ metadata: { loan: 'v'.repeat(257) } }),
      ['metadata.loan must be at most 256 characters'],
    ],
    [
      'metadata under a key that objects cannot keep',
      request({ metadata: JSON.parse('{"__proto__": "x", "loan": "8841"}') }),
      ['metadata must not have the key __proto__'],
    ],
    [
      'metadata that is no text',
      request({ metadata: { loan: 8841 } }),
      ['metadata.loan must be a string'],
    ],
    ['no documents', request({ documents: [] }), ['documents must hold at least one document']],
    [
      'too many documents',
      request({ documents: Array.from({ length: MAX_DOCUMENTS + 1 }, (_, i) => document(`${i}`)) }),
      ['documents must hold at most 10000 documents'],
    ],
    [
      'duplicate ids',
      request({ documents: [document('1'), document('2'), document('1')] }),
      ['documents[2].documentId is used by an earlier document'],
    ],
    [
      'ids that are equal when normalised',
      request({ documents: [document('caf\u00e9'), document('cafe\u0301')] }),
      ['documents[1].documentId is used by an earlier document'],
    ],
    ['a wrong type', request({ productType: 5 }), ['productType must be a string']],
    ['a list that is none', request({ documents: {} }), ['documents must be an array']],
    ['a missing key', request({ productType: undefined }), ['productType is missing']],
    [
      'a bad reference',
      request({ reference: 'a/b' }),
      ['reference must be 1 to 128 of A-Z a-z 0-9 . _ - and not dots alone'],
    ],
    ['data that is no object', 'loan', ['the data must be an object']],
    ['no data', undefined, ['the data must be an object']],
    ['a list', [], ['the data must be an object']],
    [
      'control characters in an id',
      request({ documents: [document('a\u0000b')] }),
      ['documents[0].documentId must be 1 to 128 printable characters, and not blank'],
    ],
    [
      'a blank id',
      request({ documents: [document('   '), document('\u00a0')] }),
      ['documents[0-1].documentId must be 1 to 128 printable characters, and not blank'],
    ],
    [
      'names that no bucket has',
      request({
        documents: ['Kyc_Docs', 's3://kyc', 'kyc/8841', 'ab', 'a..b', '-kyc', ' kyc', ''].map(
          (bucket, n) => ({ ...document(`${n}`), bucket }),
        ),
      }),
      [
        'documents[0-7].bucket must be the name of a bucket as S3 has it: 3 to 63 of a-z 0-9 . -, without s3:// and without a key, or the ARN of an access point',
      ],
    ],
    [
      'a key longer than S3 allows',
      request({ documents: [{ ...document('1'), key: 'ü'.repeat(513) }] }),
      ['documents[0].key must be valid Unicode of at most 1024 bytes'],
    ],
  ])('the check of a request names %s', (_, data, issues) => {
    expect(issuesOf(data)).toEqual(issues);
  });

  it('the check of a request names every issue at once, duplicates among them', () => {
    const issues = issuesOf({
      reference: '..',
      extra: true,
      documents: [document('1'), { documentId: '1', bucket: 7, key: '', page: 2 }],
    });
    expect(issues.sort()).toEqual([
      'documents[1].bucket must be a string',
      'documents[1].documentId is used by an earlier document',
      'documents[1].key must not be empty',
      'documents[1].page is not a known key',
      'extra is not a known key',
      'productType is missing',
      'reference must be 1 to 128 of A-Z a-z 0-9 . _ - and not dots alone',
    ]);
  });

  it('the check of a request names the same issue of many documents once, with their indexes', () => {
    const documents = Array.from({ length: 300 }, (_, i) =>
      i % 100 === 7 ? { documentId: `${i}`, bucket: 'kyc' } : document(`${i}`),
    );
    expect(issuesOf(request({ documents }))).toEqual(['documents[7,107,207].key is missing']);
  });

  it('the issues of a request show no value and no control character of what is refused', () => {
    const issues = issuesOf(request({ 'evil\u001b[31m': 'SECRET', productType: { a: 'SECRET' } }));
    expect(issues.join()).not.toContain('SECRET');
    expect(issues.join()).not.toContain('\u001b');
  });

  it('the issues of a request stay short whatever it holds', () => {
    const keys = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, 1]));
    expect(issuesOf(request(keys)).length).toBeLessThanOrEqual(101);
  });

  it('the check of a request never throws', () => {
    fc.assert(
      fc.property(fc.anything(), (data) => {
        expect(checkBatchRequest(data).valid).toBe(false);
      }),
    );
  });
});
