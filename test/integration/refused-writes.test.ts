import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { expectAllEndedOnce, expectFewSubmissions } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const BATCHES = LONG ? 200 : 60;
const REFUSED_MS = LONG ? 12_000 : 3000;
const MAX_LINES = 100;
const TEST_TIMEOUT_MS = 120_000;
const SNAPSHOT = 'snapshot';

interface Refusal {
  kind: string;
  refuse(admin: Redis, server: PrivateRedis): Promise<unknown>;
  mend(admin: Redis): Promise<unknown>;
}

const OOM: Refusal = {
  kind: 'OOM',
  refuse: (admin) => admin.config('SET', 'maxmemory', '1000000'),
  mend: (admin) => admin.config('SET', 'maxmemory', '0'),
};
const OTHERS: Refusal[] = [
  {
    kind: 'MISCONF',
    async refuse(admin, { dir }) {
      // A snapshot that cannot be written.
      await mkdir(join(dir, SNAPSHOT));
      await admin.config('SET', 'save', '3600 1');
      await admin.call('BGSAVE');
      await waitUntil('a failed snapshot', async () =>
        (await admin.info('persistence')).includes('rdb_last_bgsave_status:err'),
      );
    },
    async mend(admin) {
      await admin.config('SET', 'save', '');
    },
  },
  {
    kind: 'NOREPLICAS',
    refuse: (admin) => admin.config('SET', 'min-replicas-to-write', '1'),
    mend: (admin) => admin.config('SET', 'min-replicas-to-write', '0'),
  },
  {
    kind: 'READONLY',
    refuse: (admin) => admin.replicaof('127.0.0.1', randomPort()),
    mend: (admin) => admin.replicaof('NO', 'ONE'),
  },
  {
    kind: 'BUSY',
    async refuse(admin, { url }) {
      await admin.config('SET', 'lua-time-limit', '100');
      const other = new Redis(url);
      other
        .eval('while true do end', 0)
        .catch(() => {})
        .finally(() => other.disconnect());
    },
    mend: (admin) => admin.script('KILL'),
  },
];

async function startServer(...args: string[]) {
  const server = await startPrivateRedis({ args });
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  return { server, admin };
}

const health = async (port: number, route: string) => {
  const response = await fetch(`http://127.0.0.1:${port}${route}`);
  return { status: response.status, text: await response.text() };
};

it.each(LONG ? [OOM, ...OTHERS] : [OOM])(
  'a worker whose Redis refuses writes ($kind) is not ready, says so in few lines, sends nothing, and goes on afterwards',
  { timeout: TEST_TIMEOUT_MS },
  async ({ kind, refuse, mend }) => {
    const { server, admin } = await startServer('--dbfilename', SNAPSHOT);
    const port = randomPort();
    const system = await startSystem({
      redisUrl: server.url,
      atlas: { completionMs: ({ random }) => 2000 + 3000 * random(), fetchUrls: false },
      environment: { WORKER_PORT: String(port) },
    });
    const worker = await system.startWorkerProcess();
    const requests = await Promise.all(
      Array.from({ length: BATCHES }, (_, i) => system.submit(`b-${i}`, 1, `b-${i}-`)),
    );
    await waitUntil('uploads', () => system.atlas.uploads().length > BATCHES / 2);
    expect((await health(port, '/health/ready')).status).toBe(200);
    const outputBefore = worker.output().length;

    await refuse(admin, server);
    const from = performance.now();
    const why = new RegExp(`Redis refuses writes: ${kind}`);
    await waitUntil('a worker that is not ready', async () => {
      const answer = await health(port, '/health/ready');
      return answer.status === 503 && why.test(answer.text);
    });
    const metrics = await health(port, '/metrics');
    expect(metrics.text).toContain('atlas_batch_redis_writes_refused 1');
    const sent = system.atlas.requests.count('multiupload');
    await waitUntil('the end of it', () => performance.now() - from > REFUSED_MS);
    expect(system.atlas.requests.count('multiupload')).toBe(sent);
    expect((await health(port, '/health/live')).status).toBe(200);
    const lines = worker.output().slice(outputBefore).split('\n');
    await mend(admin);

    const mended = performance.now();
    await waitUntil('a worker that is ready', async () => {
      return (await health(port, '/health/ready')).status === 200;
    });
    await batchesEnded(system, BATCHES, 60_000);
    expect(performance.now() - mended).toBeLessThan(30_000);
    // What Atlas has is said of each upload, at once.
    const output = worker.output().slice(outputBefore).split('\n');
    const gathered = output.filter((line) => !/upload of \S+ sent as/.test(line));
    expect(gathered.length, gathered.join('\n')).toBeLessThan(MAX_LINES);
    expect(lines.length, lines.slice(0, 120).join('\n')).toBeLessThan(MAX_LINES);
    expect(lines.join('\n')).toMatch(new RegExp(`refuses writes: ${kind}`));
    // One sentence says it for all that is refused.
    expect(lines.join('\n')).not.toMatch(/not shared|swept|put in order|was not removed/);
    await expectAllEndedOnce(system, requests);
    await expectFewSubmissions(system, requests);
    expect(worker.output()).toContain('Redis takes writes again');
  },
);

it('a worker that may not fetch jobs any more is not ready until it may again', async () => {
  const { server, admin } = await startServer();
  const port = randomPort();
  const system = await startSystem({
    redisUrl: server.url,
    environment: { WORKER_PORT: String(port) },
  });
  await system.startWorkerProcess();
  const ready = () => health(port, '/health/ready');
  await waitUntil('a worker that is ready', async () => (await ready()).status === 200);
  await admin.call('ACL', 'SETUSER', 'default', '-evalsha');
  const refused = await waitUntil('a worker that is not ready', async () => {
    const answer = await ready();
    return answer.status === 503 && answer;
  });
  expect(refused.text).toMatch(
    /no jobs are fetched: Redis refuses us: NOPERM .*evalsha.*; give the user of REDIS_URL/,
  );
  await admin.call('ACL', 'SETUSER', 'default', '+evalsha');
  await waitUntil('a worker that is ready', async () => (await ready()).status === 200);
});
