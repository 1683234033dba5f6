import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { loadConfig } from '../../src/config/environment.js';
import { RedisUnavailableError } from '../../src/errors.js';
import { runWorker } from '../../src/workers/worker.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { spawnWorker } from '../helpers/worker-process.js';

/** A start that fails ends at once; only a start that hangs takes this long. */
const EXIT_TIMEOUT_MS = 20_000;

async function startRedis(...args: string[]): Promise<{ server: PrivateRedis; admin: Redis }> {
  const server = await startPrivateRedis({ args });
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  return { server, admin };
}

/** A Redis to start on that refuses something, and what is to be said of it. */
interface Refusal {
  refusal: string;
  says: RegExp;
  prepare(): Promise<{ url: string; admin: Redis }>;
}

/** A user who may do everything but run one command. */
function withoutPermission(command: string, refusal: string): Refusal {
  return {
    refusal,
    says: new RegExp(`NOPERM .*'${command}'.*permission that is missing`),
    async prepare() {
      const { server, admin } = await startRedis();
      const rules = ['on', '>word-canary', '~*', '&*', '+@all', `-${command}`];
      await admin.call('ACL', 'SETUSER', 'app', ...rules);
      return { url: server.url.replace('//', '//app:word-canary@'), admin };
    },
  };
}

const REFUSALS: Refusal[] = [
  {
    refusal: 'is full',
    says: /OOM .*raise its maxmemory/,
    async prepare() {
      const { server, admin } = await startRedis();
      await admin.config('SET', 'maxmemory', '1000000');
      return { url: server.url, admin };
    },
  },
  {
    refusal: 'is a replica',
    says: /READONLY .*point REDIS_URL to its master/,
    async prepare() {
      const { server: master } = await startRedis();
      const { server, admin } = await startRedis('--replicaof', '127.0.0.1', String(master.port));
      return { url: server.url, admin };
    },
  },
  {
    refusal: 'wants another password',
    says: /WRONGPASS .*check user and password in REDIS_URL/,
    async prepare() {
      const { server, admin } = await startRedis();
      await admin.config('SET', 'requirepass', 'right');
      return { url: server.url.replace('//', '//:wrong-canary@'), admin };
    },
  },
  {
    refusal: 'wants a password where none is given',
    says: /NOAUTH .*put user and password into REDIS_URL/,
    async prepare() {
      const { server, admin } = await startRedis();
      await admin.config('SET', 'requirepass', 'right');
      return { url: server.url, admin };
    },
  },
  withoutPermission('info', 'does not let its user run INFO'),
  withoutPermission('zadd', 'does not let its user write heartbeats'),
  {
    refusal: 'is a node of a Cluster that does not hold the keys',
    says: /MOVED .*node of a Cluster/,
    async prepare() {
      const { server, admin } = await startRedis('--cluster-enabled', 'yes');
      const other = await startRedis('--cluster-enabled', 'yes');
      await other.admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      await admin.call('CLUSTER', 'MEET', '127.0.0.1', String(other.server.port));
      await waitUntil('a Cluster that works', async () =>
        String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'),
      );
      return { url: server.url, admin };
    },
  },
];

it.each(REFUSALS)(
  'a worker whose Redis $refusal says so in one line and exits with 1',
  async ({ prepare, says }) => {
    const system = await startSystem();
    const { url, admin } = await prepare();
    const worker = spawnWorker({ ...system.environment, REDIS_URL: url });
    onTestFinished(() => worker.kill());
    await waitUntil('the exit of the worker', () => worker.hasExited, EXIT_TIMEOUT_MS);
    expect(await worker.exited).toBe(1);
    const said = worker.output().split('\n');
    const sentences = said.filter((line) => !/^(\{.*|Skipping the ready check .*|)$/.test(line));
    expect(sentences).toEqual([expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+ refuses us: /)]);
    expect(sentences[0]).toMatch(says);
    expect(worker.output()).not.toContain('worker started');
    expect(worker.output()).not.toContain('canary');

    // The same inside of somebody's process: nothing may stay open there.
    const environment = { ...system.environment, REDIS_URL: url, LOG_LEVEL: 'silent' };
    await expect(runWorker(loadConfig(environment))).rejects.toBeInstanceOf(RedisUnavailableError);
    await waitUntil('the end of all connections', async () => {
      const clients = String(await admin.call('CLIENT', 'LIST', 'TYPE', 'normal'));
      return clients.trim().split('\n').length === 1;
    });
  },
);
