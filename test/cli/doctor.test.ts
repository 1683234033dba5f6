import { connect as connectTo, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import {
  type Simulators,
  type SimulatorsOptions,
  startSimulators,
} from '../../src/simulator/index.js';
import { startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';
import { type CliRun, runCli } from './run-cli.js';
import { runCommand } from './run-command.js';

vi.setConfig({ testTimeout: 60_000 });

/** With its blanks as codes, which would end an option. */
const SKEWED_CLOCK = new URL('skewed-clock.mjs', import.meta.url).href;
const BUCKETS = ['results', 'kyc-documents'];

interface HealthySetup {
  environment: Record<string, string>;
  admin: Redis;
  simulators: Simulators;
}

/** Everything as it should be. */
async function startHealthy(options: SimulatorsOptions = {}): Promise<HealthySetup> {
  const redis = await startPrivateRedis({ appendOnly: true });
  onTestFinished(() => redis.stop());
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  const simulators = await startSimulators({ ...options, s3: { buckets: BUCKETS, ...options.s3 } });
  onTestFinished(() => simulators.stop());
  const environment = {
    ...simulators.environment,
    REDIS_URL: redis.url,
    RESULTS_BUCKET: 'results',
    S3_ALLOWED_BUCKETS: 'kyc-documents',
  };
  return { environment, admin, simulators };
}

async function doctor(
  environment: Record<string, string>,
  run: (args: string[], environment: Record<string, string>) => Promise<CliRun> = runCommand,
) {
  const { code, stdout, stderr } = await run(['doctor'], environment);
  expect(stderr).toBe('');
  return { code, lines: stdout.trimEnd().split('\n') };
}

/** The one line that is not well, and the exit code. */
async function complaint(environment: Record<string, string>): Promise<string> {
  const { code, lines } = await doctor(environment);
  const bad = lines.filter((line) => !line.startsWith('ok '));
  expect([code, bad.length], lines.join('\n')).toEqual([1, 1]);
  return bad[0] ?? '';
}

test('the doctor prints one line per check when all is well, exits with 0, and leaves nothing in the bucket', async () => {
  const { environment, simulators } = await startHealthy();
  const { code, lines } = await doctor(environment, runCli);
  expect(code).toBe(0);
  expect(lines.map((line) => line.split(/\s+/).slice(0, 2).join(' '))).toEqual([
    'ok Node',
    'ok configuration',
    'ok Redis',
    'ok S3',
    'ok S3',
    'ok Atlas',
    'ok clock',
  ]);
  expect(simulators.s3.list('results')).toEqual([]);
  const json = await runCommand(['doctor', '--json'], environment);
  expect(JSON.parse(json.stdout.split('\n')[2] ?? '')).toMatchObject({
    level: 'ok',
    subject: 'Redis',
  });
});

test('the doctor names a wrong Redis password', async () => {
  const { environment, admin } = await startHealthy();
  await admin.config('SET', 'requirepass', 'right');
  const url = new URL(environment.REDIS_URL ?? '');
  url.password = 'canary';
  const line = await complaint({ ...environment, REDIS_URL: String(url) });
  expect(line).toMatch(/^FAIL {2}Redis .*WRONGPASS.*; check user and password in REDIS_URL$/);
  expect(line).not.toContain('canary');
});

test('the doctor says that no Redis answers', async () => {
  const { environment } = await startHealthy();
  const line = await complaint({ ...environment, REDIS_URL: 'redis://127.0.0.1:1' });
  expect(line).toMatch(/does not answer \(ECONNREFUSED\); start Redis, or correct host and port/);
});

test('the doctor blames a Redis that is full or short of replicas, and not Atlas, and leaves no key', async () => {
  const { environment, admin } = await startHealthy();
  await admin.config('SET', 'min-replicas-to-write', '1');
  expect(await complaint(environment)).toMatch(
    /^FAIL {2}Redis .*NOREPLICAS.*; it has too few repl/,
  );
  await admin.config('SET', 'min-replicas-to-write', '0');
  expect(await admin.keys('*:doctor')).toEqual([]);
  await admin.config('SET', 'maxmemory', '1000000');
  const { code, lines } = await doctor(environment);
  expect(code).toBe(1);
  expect(lines.join('\n')).toMatch(/^warn {2}Redis .*% of its memory/m);
  expect(lines.join('\n')).toMatch(/^FAIL {2}Redis .*OOM.*; it is full; raise its maxmemory/m);
  expect(lines.join('\n')).toMatch(/^ok {4}Atlas /m);
});

test('the doctor names a replica, a missing one, and permissions that are missing', async () => {
  const { environment, admin } = await startHealthy();
  expect(await complaint({ ...environment, REPLICA_ACK_TIMEOUT_MS: '100' })).toMatch(
    /^FAIL {2}Redis .*has no replica/,
  );
  const rules = ['on', '>word', '~*', '&*', '+@all', '-evalsha', '-wait', '-info'];
  await admin.call('ACL', 'SETUSER', 'app', ...rules);
  const url = environment.REDIS_URL?.replace('//', '//app:word@') ?? '';
  const { code, stdout } = await runCommand(['doctor'], { ...environment, REDIS_URL: url });
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^FAIL {2}Redis .*lacks permissions; give the user .* \+info \+evalsha \+wait$/m,
  );
  const replica = await startPrivateRedis({
    appendOnly: true,
    args: ['--replicaof', '127.0.0.1', new URL(environment.REDIS_URL ?? '').port],
  });
  onTestFinished(() => replica.stop());
  // One sentence, and no write that it would refuse.
  expect(await complaint({ ...environment, REDIS_URL: replica.url })).toMatch(
    /^FAIL {2}Redis .*is a replica.*; point REDIS_URL to its master$/,
  );
});

test('the doctor names variables of the HTTP server too', async () => {
  const { environment } = await startHealthy();
  const wrong = { ...environment, ADMIN_PORT: 'tcp://10.0.0.1:80', DASHBOARD_USER: 'operator' };
  const { code, lines } = await doctor(wrong);
  expect(code).toBe(2);
  expect(lines.join('\n')).toMatch(/ADMIN_PORT is a service link of Kubernetes/);
  expect(lines.join('\n')).toMatch(/DASHBOARD_PASSWORD is missing/);
  expect(lines.join('\n')).not.toContain('10.0.0.1');
});

test('the doctor refuses a Redis that evicts keys', async () => {
  const { environment, admin } = await startHealthy();
  await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
  expect(await complaint(environment)).toMatch(
    /^FAIL {2}Redis .*allkeys-lru.*; set maxmemory-policy noeviction$/,
  );
});

test('the doctor warns of a Redis without an append-only file, and passes', async () => {
  const { environment, admin } = await startHealthy();
  await admin.config('SET', 'appendonly', 'no');
  const { code, lines } = await doctor(environment);
  expect(code).toBe(0);
  expect(lines.join('\n')).toMatch(/^warn {2}Redis .*; set appendonly yes$/m);
});

test('the doctor refuses an old Redis', async () => {
  const { environment } = await startHealthy();
  const redis = new URL(environment.REDIS_URL ?? '');
  const port = Number(redis.port);
  // A real one that claims to be older: of equal length, so that its answers keep their form.
  const proxy = createServer((client) => {
    const server = connectTo(port, redis.hostname);
    client.pipe(server);
    server.on('data', (chunk) => {
      client.write(
        chunk
          .toString('latin1')
          .replace(
            /redis_version:(\S+)/,
            (line) => `redis_version:${'5.0.0'.padEnd(line.length - 14, '0')}`,
          ),
        'latin1',
      );
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const address = proxy.address();
  redis.port = String(typeof address === 'object' ? address?.port : '');
  expect(await complaint({ ...environment, REDIS_URL: String(redis) })).toMatch(
    /^FAIL {2}Redis .*Redis 5\.0\.0+ is too old; use Redis 6\.2 or newer/,
  );
});

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

test('the doctor connects to the receiver of events and sends it nothing', async () => {
  const { environment } = await startHealthy();
  const receiver = await startReceiver();
  const at = (url: string) => ({
    ...environment,
    COMPLETION_WEBHOOK_URL: url,
    COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
  });
  const { code, lines } = await doctor(at(`${receiver.url}/canary`));
  expect([code, receiver.deliveries]).toEqual([0, []]);
  expect(lines.join('\n')).toMatch(/^ok {4}webhook .*127.0.0.1:\d+ can be reached$/m);
  expect(lines.join('\n')).not.toContain('canary');
  expect(await complaint(at('http://127.0.0.1:1/'))).toMatch(
    /^FAIL {2}webhook .*ECONNREFUSED\); correct COMPLETION_WEBHOOK_URL, or let this host reach it$/,
  );
  expect(await complaint(at(receiver.url.replace('http', 'https')))).toMatch(
    /^FAIL {2}webhook .*; let the receiver speak TLS/,
  );
});

test('the doctor names names that no bucket has', async () => {
  const { environment } = await startHealthy();
  const wrong = { RESULTS_BUCKET: 'Kyc_Results', S3_ALLOWED_BUCKETS: 's3://kyc' };
  const { code, lines } = await doctor({ ...environment, ...wrong });
  expect(code).toBe(2);
  expect(lines.join('\n')).toMatch(/RESULTS_BUCKET must be the name of a bucket/);
  expect(lines.join('\n')).toMatch(/S3_ALLOWED_BUCKETS must be a list of names of buckets/);
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

test('the doctor names wrong credentials of Atlas', async () => {
  const { environment } = await startHealthy();
  const line = await complaint({ ...environment, ATLAS_CLIENT_SECRET: 'canary' });
  expect(line).toMatch(
    /^FAIL {2}Atlas .*refuses.*; correct ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET, or/,
  );
  expect(line).not.toContain('canary');
});

test('the doctor names a wrong base URL: another server, another path, no server, no name', async () => {
  const { environment } = await startHealthy();
  const at = (url: string) => complaint({ ...environment, ATLAS_BASE_URL: url });
  const another =
    /^FAIL {2}Atlas .*; correct ATLAS_BASE_URL; it is what stands before \/v1\/docstream$/;
  expect(await at(environment.AWS_ENDPOINT_URL_S3 ?? '')).toMatch(/or ATLAS_BASE_URL/);
  expect(await at(`${environment.ATLAS_BASE_URL}/v1/docstream`)).toMatch(another);
  const unreachable = /^FAIL {2}Atlas .*; correct ATLAS_BASE_URL, or let this host reach it$/;
  expect(await at('http://127.0.0.1:1')).toMatch(unreachable);
  // The address of the store is of no use to an Atlas elsewhere, which is warned about.
  const elsewhere = await doctor({ ...environment, ATLAS_BASE_URL: 'https://atlas.invalid' });
  expect(elsewhere.code).toBe(1);
  expect(elsewhere.lines.filter((line) => line.startsWith('FAIL'))).toEqual([
    expect.stringMatching(unreachable),
  ]);
});

test('the doctor names a clock that is two minutes ahead', async () => {
  const { environment } = await startHealthy();
  const { code, lines } = await doctor(
    { ...environment, NODE_OPTIONS: `--import=${SKEWED_CLOCK}` },
    runCli,
  );
  expect(code).toBe(1);
  expect(lines.join('\n')).toMatch(
    /^FAIL {2}clock .*this host is 1(19|20|21) s ahead of (Redis|S3); set the clock of this host/m,
  );
});
