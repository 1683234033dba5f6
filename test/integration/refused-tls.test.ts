import { expect, it, onTestFinished } from 'vitest';
import { runCli } from '../cli/run-cli.js';
import { createAuthority, type TestAuthority } from '../helpers/certificates.js';
import { startTlsRedis } from '../helpers/redis-tls.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { spawnWorker } from '../helpers/worker-process.js';

/** A start that fails ends at once; only a start that hangs takes this long. */
const EXIT_TIMEOUT_MS = 20_000;

interface RefusedStart {
  start: string;
  variables(authority: TestAuthority, url: string): Promise<Record<string, string>>;
  code: 1 | 2;
  says: RegExp;
}

const STARTS: RefusedStart[] = [
  {
    start: 'no certificate where Redis wants one',
    variables: async ({ ca }, url) => ({ REDIS_URL: url, REDIS_TLS_CA_FILE: ca }),
    code: 1,
    says: /^Redis at 127\.0\.0\.1:\d+ refuses us: .*set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE/,
  },
  {
    start: 'a certificate of another authority',
    async variables({ ca }, url) {
      const { cert, key } = await (await createAuthority()).issue('other');
      return {
        REDIS_URL: url,
        REDIS_TLS_CA_FILE: ca,
        REDIS_TLS_CERT_FILE: cert,
        REDIS_TLS_KEY_FILE: key,
      };
    },
    code: 1,
    says: /^Redis at 127\.0\.0\.1:\d+ refuses us: .*set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE/,
  },
  {
    start: 'an authority that is unknown here',
    variables: async (_, url) => ({ REDIS_URL: url }),
    code: 1,
    says: /^Redis at 127\.0\.0\.1:\d+ refuses us: .*set REDIS_TLS_CA_FILE/,
  },
  {
    start: 'a file that is not there',
    variables: async (_, url) => ({ REDIS_URL: url, REDIS_TLS_CA_FILE: '/no/such/file' }),
    code: 2,
    says: /REDIS_TLS_CA_FILE cannot be read \(ENOENT\)/,
  },
  {
    start: 'a key of another certificate',
    async variables({ ca, issue }, url) {
      const [{ cert }, { key }] = await Promise.all([issue('one'), issue('other')]);
      return {
        REDIS_URL: url,
        REDIS_TLS_CA_FILE: ca,
        REDIS_TLS_CERT_FILE: cert,
        REDIS_TLS_KEY_FILE: key,
      };
    },
    code: 2,
    says: /REDIS_TLS_KEY_FILE does not go with REDIS_TLS_CERT_FILE/,
  },
];

it.each(STARTS)('a worker with $start says so in one line and exits with $code', async (row) => {
  const authority = await createAuthority();
  const { url } = await startTlsRedis(authority);
  const system = await startSystem();
  const variables = await row.variables(authority, url);
  const worker = spawnWorker({ ...system.environment, ...variables });
  onTestFinished(() => worker.kill());
  await waitUntil('the exit of the worker', () => worker.hasExited, EXIT_TIMEOUT_MS);
  const sentences = worker
    .output()
    .split('\n')
    .filter((line) => !/^(\{.*|The configuration is wrong:|)$/.test(line));
  expect(sentences).toEqual([expect.stringMatching(row.says)]);
  expect(await worker.exited).toBe(row.code);
});

it('the command line and a server say which certificate Redis wants', async () => {
  const authority = await createAuthority();
  const { url } = await startTlsRedis(authority);
  const environment = { REDIS_URL: url, REDIS_TLS_CA_FILE: authority.ca };
  const { code, stderr } = await runCli(['status', 'some-batch'], environment);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Redis at 127\.0\.0\.1:\d+ [^\n]*REDIS_TLS_CERT_FILE[^\n]*\n$/);

  // As a worker, a server ends: only its configuration mends that.
  const server = await runCli(['server'], { ...environment, PORT: '0' });
  expect(server.code).toBe(1);
  expect(server.stderr).toMatch(/^Redis at 127\.0\.0\.1:\d+ [^\n]*REDIS_TLS_CERT_FILE[^\n]*\n$/);
});
