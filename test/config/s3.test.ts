import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/environment.js';

const REQUIRED = {
  REDIS_URL: 'redis://127.0.0.1:6379',
  ATLAS_BASE_URL: 'https://atlas.example.com',
  ATLAS_CLIENT_ID: 'id',
  ATLAS_CLIENT_SECRET: 'secret',
  RESULTS_BUCKET: 'results',
};

function issuesOf(environment: Record<string, string>): string[] {
  try {
    loadConfig({ ...REQUIRED, ...environment });
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.split('\n').slice(1);
  }
}

test.each([
  [
    'RESULTS_BUCKET',
    'Kyc_Results',
    /RESULTS_BUCKET must be the name of a bucket .*; got "Kyc_Results"/,
  ],
  ['RESULTS_BUCKET', 's3://results', /RESULTS_BUCKET must be the name of a bucket .*without s3:/],
  ['S3_ALLOWED_BUCKETS', 'kyc,s3://kyc/', /S3_ALLOWED_BUCKETS must be a list .*without s3:/],
  ['S3_ALLOWED_BUCKETS', 'ab', /S3_ALLOWED_BUCKETS must be a list .*3 to 63/],
  ['S3_PUBLIC_ENDPOINT_URL', 's3.example.com', /S3_PUBLIC_ENDPOINT_URL must be a URL/],
  ['S3_PUBLIC_ENDPOINT_URL', 's3://kyc', /S3_PUBLIC_ENDPOINT_URL must be an http or https URL/],
  ['S3_PUBLIC_ENDPOINT_URL', 'https://s3.example.com/?a=b', /must hold no user name, no query/],
  ['RESULTS_PREFIX', 'x'.repeat(513), /RESULTS_PREFIX must have 512 bytes at most/],
  ['RESULTS_SSE', 'kms', /RESULTS_SSE must be AES256 or aws:kms/],
  ['RESULTS_KMS_KEY_ID', 'alias/x', /RESULTS_KMS_KEY_ID goes with RESULTS_SSE=aws:kms only/],
])('%s=%s is refused at the start', (name, value, issue) => {
  expect(issuesOf({ [name]: value })).toEqual([expect.stringMatching(issue)]);
});

test('a key of KMS goes with aws:kms, and not with AES256', () => {
  const RESULTS_KMS_KEY_ID = 'arn:aws:kms:eu-west-1:123456789012:key/1';
  expect(issuesOf({ RESULTS_SSE: 'aws:kms', RESULTS_KMS_KEY_ID })).toEqual([]);
  expect(issuesOf({ RESULTS_SSE: 'AES256', RESULTS_KMS_KEY_ID })).toHaveLength(1);
});

test('buckets of documents may be access points', () => {
  const point = 'arn:aws:s3:ap-south-1:123456789012:accesspoint/kyc';
  expect(issuesOf({ S3_ALLOWED_BUCKETS: `kyc-documents, ${point}` })).toEqual([]);
});

test.each([
  'arn:aws:s3:::kyc',
  'arn:aws:s3:ap-south-1:123:accesspoint/kyc',
  'arn:aws:s3:ap-south-1::accesspoint/kyc',
  'arn:aws:s3:ap-south-1:123456789012:accesspoint',
  'arn:aws:s3:ap-south-1:123456789012:accesspoint/',
  'arn:aws:s3:ap-south-1:123456789012:accesspoint/kyc/8841',
  'arn:aws:s3:ap-south-1:123456789012:accesspoint/k_y',
  'arn:aws:s3-outposts:ap-south-1:123456789012:outpost/op-1',
  'arn:aws:iam::123456789012:role/kyc',
])('an ARN that names no access point is refused at the start: %s', (arn) => {
  expect(issuesOf({ S3_ALLOWED_BUCKETS: arn })).toEqual([
    expect.stringMatching(
      /^ {2}S3_ALLOWED_BUCKETS must .*or the ARN of an access point, and not ".*"; got /,
    ),
  ]);
});
