import { expect, it } from 'vitest';
import { storeName } from '../../src/storage/store-name.js';

it.each([
  ['http://127.0.0.1:9000', 'kyc', 'http://127.0.0.1:9000'],
  ['https://kyc.bank.example', null, 'https://kyc.bank.example'],
  ['https://kyc.minio.bank.example:9000', 'kyc', 'https://minio.bank.example:9000'],
  ['https://kyc.s3.eu-central-1.amazonaws.com', 'kyc', 'amazonaws.com'],
  ['https://kyc.s3.us-east-1.amazonaws.com', 'kyc', 'amazonaws.com'],
  ['https://s3.cn-north-1.amazonaws.com.cn', 'kyc', 'amazonaws.com.cn'],
  ['https://kyc.amazonaws.com.example.org', 'kyc', 'https://amazonaws.com.example.org'],
])('an S3 at %s, asked for %s, is called %s', (origin, bucket, name) => {
  expect(storeName(origin, bucket)).toBe(name);
});
