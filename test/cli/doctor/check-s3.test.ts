import { expect, test, vi } from 'vitest';
import { BUCKETS, complaint, doctor, startHealthy } from './run-doctor.js';

vi.setConfig({ testTimeout: 60_000 });

test('the doctor says in which region the buckets are, when S3 tells', async () => {
  const { environment, simulators } = await startHealthy();
  const { code, lines } = await doctor({ ...environment, AWS_REGION: 'eu-west-9' });
  expect(code).toBe(0);
  const warned = lines.filter((line) => line.startsWith('warn'));
  expect(warned).toEqual(
    BUCKETS.map((bucket) =>
      expect.stringMatching(`s3://${bucket} lies in us-east-1, .*; set AWS_REGION to the region`),
    ),
  );
  simulators.s3.setFaults({ rules: [{ fault: 'PermanentRedirect' }] });
  expect(await complaint(environment)).toMatch(
    /^FAIL {2}S3 .*cannot write to s3:\/\/results\/: .*301 PermanentRedirect; set AWS_REGION/,
  );
});

test("the doctor finds policies that are in the worker's way or in Atlas's", async () => {
  const { environment, simulators } = await startHealthy();
  simulators.s3.setFaults({
    rules: [{ fault: 'AccessDenied', match: ({ signedIn }) => signedIn === 'query' }],
  });
  expect(await complaint(environment)).toMatch(
    /^FAIL {2}S3 .*s3:\/\/kyc-documents can be read by us, but not by the URLs that Atlas gets; let the bucket's policy allow/,
  );
  simulators.s3.setFaults({
    rules: [
      {
        fault: 'AccessDenied',
        endpoint: 'put',
        match: ({ encryption }) => encryption !== 'aws:kms',
      },
    ],
  });
  expect(await complaint(environment)).toMatch(
    /^FAIL {2}S3 .*AccessDenied; set RESULTS_SSE=aws:kms: the bucket takes no object without it$/,
  );
  expect((await doctor({ ...environment, RESULTS_SSE: 'aws:kms' })).code).toBe(0);
  expect(simulators.s3.list('results')).toEqual([]);

  simulators.s3.setFaults({
    rules: [{ fault: 'AccessDenied', match: ({ bucket }) => bucket === 'kyc-documents' }],
  });
  const { code, lines } = await doctor(environment);
  expect(code).toBe(0);
  expect(lines.join('\n')).toMatch(
    /^warn {2}S3 .*cannot tell whether s3:\/\/kyc-documents can be read: .*; the role needs s3:GetObject/m,
  );
});

test('the doctor warns of URLs that an Atlas elsewhere cannot fetch, and of a name that this host cannot', async () => {
  const { environment } = await startHealthy();
  const elsewhere = await doctor({ ...environment, ATLAS_BASE_URL: 'https://atlas.invalid' });
  expect(elsewhere.lines.join('\n')).toMatch(
    /^warn {2}S3 .*Atlas at atlas.invalid gets URLs at http:\/\/127.0.0.1:\d+, which it cannot reach; set S3_PUBLIC_ENDPOINT_URL/m,
  );
  const named = await doctor({
    ...environment,
    S3_PUBLIC_ENDPOINT_URL: 'http://127.0.0.1:1',
  });
  expect(named.code).toBe(0);
  expect(named.lines.join('\n')).toMatch(
    /^warn {2}S3 .*ECONNREFUSED.*; make sure that S3_PUBLIC_ENDPOINT_URL \(127.0.0.1:1\) is right/m,
  );
});

test('the doctor says that it checks no bucket of documents when none is named', async () => {
  const { environment } = await startHealthy();
  const { code, lines } = await doctor({ ...environment, S3_ALLOWED_BUCKETS: '' });
  expect(code).toBe(0);
  expect(lines.join('\n')).toMatch(
    /^warn {2}S3 .*no bucket of documents is checked.*; set S3_ALLOWED_BUCKETS to the buckets/m,
  );
});

test.each([
  ['AWS_ACCESS_KEY_ID', 'InvalidAccessKeyId'],
  ['AWS_SECRET_ACCESS_KEY', 'SignatureDoesNotMatch'],
])('the doctor names a wrong %s of S3', async (name, code) => {
  const { environment } = await startHealthy();
  const line = await complaint({ ...environment, [name]: 'canary' });
  expect(line).toMatch(new RegExp(`^FAIL  S3 .*${code}; check AWS_ACCESS_KEY_ID and`));
  expect(line).not.toContain('canary');
});

test('the doctor names a missing bucket, of results or of documents', async () => {
  const { environment } = await startHealthy();
  expect(await complaint({ ...environment, RESULTS_BUCKET: 'nowhere' })).toMatch(
    /^FAIL {2}S3 .*s3:\/\/nowhere\/: .*404 NoSuchBucket; create the bucket, or correct its name$/,
  );
  expect(await complaint({ ...environment, S3_ALLOWED_BUCKETS: 'kyc-documents,gone' })).toMatch(
    /^FAIL {2}S3 .*s3:\/\/gone: .*404 NoSuchBucket; create the bucket, or correct its name$/,
  );
});

test('the doctor says that results cannot be written', async () => {
  const { environment, simulators } = await startHealthy();
  simulators.s3.setFaults({ rules: [{ fault: 403, endpoint: 'put' }] });
  expect(await complaint(environment)).toMatch(
    /^FAIL {2}S3 .*cannot write to s3:\/\/results\/: .*403 AccessDenied; the role needs s3:PutObject there; a policy of the bucket may want RESULTS_SSE or RESULTS_KMS_KEY_ID$/,
  );
});

test('the doctor names the variable of S3 that is wrong', async () => {
  const { environment, simulators } = await startHealthy();
  const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...without } = environment;
  const at = (url: string) => ({ ...environment, AWS_ENDPOINT_URL_S3: url });
  const reach = 'correct AWS_ENDPOINT_URL_S3, or let this host reach S3';
  const named =
    'correct AWS_ENDPOINT_URL_S3, AWS_REGION or S3_FORCE_PATH_STYLE: no such host is known';
  const url = 'set AWS_ENDPOINT_URL_S3 to a URL such as https://s3.example.com';
  const cases: [Record<string, string>, string][] = [
    [{ ...environment, AWS_REGION: 'us east 1' }, 'set AWS_REGION to a name such as eu-central-1'],
    [{ ...environment, AWS_REGION: '' }, 'set AWS_REGION to a name such as eu-central-1'],
    [at('http://127.0.0.1:1'), reach],
    [at('https://s3.nowhere.invalid'), named],
    [at('127.0.0.1:9000'), url],
    [at('minio'), url],
    [
      at(simulators.s3.url.replace('http', 'https')),
      'correct AWS_ENDPOINT_URL_S3: no TLS is spoken there, or its certificate is not trusted (NODE_EXTRA_CA_CERTS)',
    ],
    [
      at(simulators.atlas.url),
      'correct AWS_ENDPOINT_URL_S3: what is there does not answer as S3 does',
    ],
    [
      { ...environment, AWS_ACCESS_KEY_ID: 'canary\u{2019}' },
      'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role',
    ],
    [without, 'set AWS credentials as the AWS SDK reads them'],
    [
      {
        ...without,
        AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/x',
        AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere',
      },
      'a file is not there that AWS_WEB_IDENTITY_TOKEN_FILE or a profile of AWS names',
    ],
  ];
  for (const [wrong, advice] of cases) {
    const line = await complaint({ ...wrong, AWS_EC2_METADATA_DISABLED: 'true' });
    expect(line).toMatch(/^FAIL {2}S3 /);
    expect(line.endsWith(`; ${advice}`), line).toBe(true);
    expect(line).not.toContain('canary');
  }
});
