import { expect, test, vi } from 'vitest';
import { startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';
import { complaint, doctor, startHealthy } from './doctor/run-doctor.js';
import { runCli } from './run-cli.js';
import { runCommand } from './run-command.js';

vi.setConfig({ testTimeout: 60_000 });

/** With its blanks as codes, which would end an option. */
const SKEWED_CLOCK = new URL('skewed-clock.mjs', import.meta.url).href;

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

test('the doctor names variables of the HTTP server too', async () => {
  const { environment } = await startHealthy();
  const wrong = { ...environment, ADMIN_PORT: 'tcp://10.0.0.1:80', DASHBOARD_USER: 'operator' };
  const { code, lines } = await doctor(wrong);
  expect(code).toBe(2);
  expect(lines.join('\n')).toMatch(/ADMIN_PORT is a service link of Kubernetes/);
  expect(lines.join('\n')).toMatch(/DASHBOARD_PASSWORD is missing/);
  expect(lines.join('\n')).not.toContain('10.0.0.1');
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
