import { describe, expect, test } from 'vitest';
import { OwnFaultError } from '../../src/errors.js';
import { errorOf, openStore } from './open-store.js';
import { respondWithError, startScriptedS3 } from './scripted-s3.js';

test.each([
  { status: 403, code: 'InvalidAccessKeyId', own: true },
  { status: 403, code: 'SignatureDoesNotMatch', own: true },
  { status: 400, code: 'ExpiredToken', own: true },
  { status: 403, code: 'RequestTimeTooSkewed', own: true },
  { status: 403, code: 'AccessDenied', own: true },
  { status: 404, code: 'NoSuchBucket', own: true },
  { status: 400, code: 'KMS.DisabledException', own: true },
  { status: 301, code: 'PermanentRedirect', own: true },
  { status: 400, code: 'InvalidRequest', own: false },
  { status: 503, code: 'SlowDown', own: false },
])(
  'that S3 answers $code to a result is the fault of this process: $own',
  async ({ status, code, own }) => {
    const s3 = await startScriptedS3();
    s3.fault = (_, response) => respondWithError(response, status, code);
    const error = await errorOf(openStore(s3).putResult('a.json', ['{}']));
    expect(error instanceof OwnFaultError).toBe(own);
  },
);

test('a result that alone is denied is the fault of nobody else', async () => {
  const s3 = await startScriptedS3();
  const store = openStore(s3);
  expect(await store.putResult('stored.json', ['{}'])).toBe('stored');
  s3.fault = (_, response) => respondWithError(response, 403, 'AccessDenied');
  const error = await errorOf(store.putResult('denied.json', ['{}']));
  expect(error).not.toBeInstanceOf(OwnFaultError);
  expect(error.message).toContain('the role needs s3:PutObject there');
  s3.fault = (_, response) => respondWithError(response, 403, 'InvalidAccessKeyId');
  const later = await errorOf(store.putResult('later.json', ['{}']));
  expect(later).toBeInstanceOf(OwnFaultError);
});

test('that somebody answers who is not S3 is the fault of this process', async () => {
  const s3 = await startScriptedS3();
  s3.fault = (_, response) => {
    response.writeHead(404, { 'content-type': 'text/html' }).end('<html>no route</html>');
    return true;
  };
  expect(await errorOf(openStore(s3).putResult('a.json', ['{}']))).toBeInstanceOf(OwnFaultError);
});

test.each([
  { name: 'CredentialsProviderError', advice: 'set AWS credentials as the AWS SDK reads them' },
  { name: 'ExpiredTokenException', advice: 'or the role' },
  { name: 'InvalidIdentityToken', advice: 'or the role' },
  { name: 'AccessDenied', advice: 'or the role' },
  { name: 'SomethingNew', advice: 'or the role' },
])('that credentials cannot be had ($name) is the fault of this process', async (one) => {
  const s3 = await startScriptedS3();
  const credentials = async () => {
    throw Object.assign(new Error('none'), { name: one.name });
  };
  const store = openStore(s3, { clientConfig: { ...s3.clientConfig, credentials } });
  for (const ask of [
    () => store.putResult('a.json', ['{}']),
    () => store.presign([{ bucket: 'kyc', key: 'a' }], AbortSignal.timeout(5_000)),
  ]) {
    const error = await errorOf(ask());
    expect(error).toBeInstanceOf(OwnFaultError);
    expect(error.message).toContain(one.advice);
  }
});

test.each([
  ['arn:aws:s3:us-east-1:123456789012:accesspoint/kyc', { forcePathStyle: true }],
  ['arn:aws:s3:us-east-1:123456789012:accesspoint/kyc', {}],
  ['arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/kyc', {}],
])(
  'an ARN that cannot be used so is named, and no credentials are blamed: %s %o',
  async (bucket, options) => {
    const s3 = await startScriptedS3();
    const error = await errorOf(
      openStore(s3, { forcePathStyle: false, ...options }).presign([{ bucket, key: 'a' }]),
    );
    expect(error).toBeInstanceOf(OwnFaultError);
    expect(error.message).toContain('correct the ARN of the access point; it goes with AWS_REGION');
  },
);

describe('an error document', () => {
  const code = '<Error><Code>InvalidAccessKeyId</Code>';

  test('an error document of S3 that does not end is read as far as its code', async () => {
    const s3 = await startScriptedS3();
    s3.fault = (request, response) => {
      request.resume();
      response.writeHead(403).write(code);
      const pour = () => {
        while (response.write(' '.repeat(8192)));
        response.once('drain', pour);
      };
      pour();
      return true;
    };
    const error = await errorOf(openStore(s3).putResult('a.json', ['{}']));
    expect(error.message).toContain('S3 answered 403');
    expect(error.message).toContain('check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  });

  test('an error document of S3 that is cut still has its status', async () => {
    const s3 = await startScriptedS3();
    s3.fault = (request, response) => {
      request.resume();
      response.writeHead(403, { 'content-length': '1000' });
      response.write(code, () => request.socket.destroy());
      return true;
    };
    const error = await errorOf(openStore(s3).putResult('a.json', ['{}']));
    expect(error.message).toContain('S3 answered 403');
    expect(s3.requests).toHaveLength(1);
  });
});
