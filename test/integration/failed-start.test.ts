import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { loadConfig } from '../../src/config/environment.js';
import { RedisUnavailableError } from '../../src/errors.js';
import { runWorker } from '../../src/workers/worker.js';
import { runCommand } from '../cli/run-command.js';
import { startSentinel } from '../helpers/redis-sentinels.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { spawnWorker } from '../helpers/worker-process.js';
import { failedStart } from './failed-start.js';

/** A server that answers while it loads, and takes 50 ms for each key. */
const SLOW_LOADING = [
  ...['--key-load-delay', '50000', '--rdbcompression', 'no'],
  ...['--loading-process-events-interval-bytes', '1024'],
];
/** 25 s of loading, unless a test has seen enough: a worker on a busy machine takes long to say that it waits. */
const LOADED_KEYS = 500;

const AT_REDIS = /^Redis at 127\.0\.0\.1:\d+ (?:refuses us: |is a Sentinel)/;

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
  /** Whether it passes: a server alone, which reads most of the time, waits for that. */
  passes?: boolean;
  prepare(): Promise<{ url: string; admin: Redis }>;
}

/** A user who may do everything but run some commands. */
function withoutPermissions(commands: readonly string[], refusal: string): Refusal {
  const missing = commands.map((command) => `\\+${command}`).join(' ');
  return {
    refusal,
    says: new RegExp(`its user lacks permissions; give the user of REDIS_URL ${missing}$`),
    async prepare() {
      const { server, admin } = await startRedis();
      const denied = commands.map((command) => `-${command}`);
      const rules = ['on', '>word-canary', '~*', '&*', '+@all', ...denied];
      await admin.call('ACL', 'SETUSER', 'app', ...rules);
      return { url: server.url.replace('//', '//app:word-canary@'), admin };
    },
  };
}

const REFUSALS: Refusal[] = [
  {
    refusal: 'is full',
    says: /OOM .*raise its maxmemory/,
    passes: true,
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
  {
    refusal: 'lets its user use other keys only',
    says: /NOPERM .*QUEUE_PREFIX, which is (\{t-\w+\}): give the user of REDIS_URL ~\1:\*, or set /,
    async prepare() {
      const { server, admin } = await startRedis();
      await admin.call('ACL', 'SETUSER', 'app', 'on', '>word-canary', '~other:*', '+@all');
      return { url: server.url.replace('//', '//app:word-canary@'), admin };
    },
  },
  {
    refusal: 'has fewer databases',
    says: /DB index .*correct the number of the database in REDIS_URL$/,
    async prepare() {
      const { server, admin } = await startRedis();
      return { url: `${server.url}/99`, admin };
    },
  },
  {
    refusal: 'is a Sentinel',
    says: /^Redis at (\S+) is a Sentinel, which .* REDIS_SENTINELS=\1 and REDIS_SENTINEL_NAME in/,
    async prepare() {
      const { server: master } = await startRedis();
      const { port, admin } = await startSentinel(master.port);
      return { url: `redis://127.0.0.1:${port}`, admin };
    },
  },
  withoutPermissions(['info'], 'does not let its user run INFO'),
  withoutPermissions(['zadd', 'xadd'], 'does not let its user write heartbeats and streams'),
  withoutPermissions(['evalsha'], 'does not let its user run scripts'),
  {
    refusal: 'has too few replicas',
    says: /NOREPLICAS .*too few replicas to take writes; bring them back/,
    passes: true,
    async prepare() {
      const { server, admin } = await startRedis('--min-replicas-to-write', '1');
      return { url: server.url, admin };
    },
  },
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
  'a worker, or a server alone, whose Redis $refusal says so in one line and exits with 1',
  async ({ prepare, says, passes = false }) => {
    const system = await startSystem();
    const { url, admin } = await prepare();
    const { code, sentences, output } = await failedStart({
      ...system.environment,
      REDIS_URL: url,
    });
    expect(code).toBe(1);
    expect(sentences).toEqual([expect.stringMatching(AT_REDIS)]);
    expect(sentences[0]).toMatch(says);
    expect(output).not.toMatch(/canary|errorStack/);

    // The same inside of somebody's process: nothing may stay open there.
    const environment = { ...system.environment, REDIS_URL: url, LOG_LEVEL: 'silent' };
    await expect(runWorker(loadConfig(environment))).rejects.toBeInstanceOf(RedisUnavailableError);
    if (!passes) await expectFailedServer({ ...environment, PORT: '0' });
    await waitUntil('the end of all connections', async () => {
      const clients = String(await admin.call('CLIENT', 'LIST', 'TYPE', 'normal'));
      return clients.trim().split('\n').length === 1;
    });
  },
);

async function expectFailedServer(environment: Record<string, string>): Promise<void> {
  const { code, stdout, stderr } = await runCommand(['server'], environment);
  expect(stderr.split('\n')).toEqual([expect.stringMatching(AT_REDIS), '']);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).not.toContain('canary');
}

it.each([
  {
    state: 'is away',
    async leave(redis: PrivateRedis) {
      await redis.kill();
      return () => redis.restart();
    },
  },
  {
    state: 'loads its data',
    async leave(redis: PrivateRedis, admin: Redis) {
      for (let i = 0; i < LOADED_KEYS; i += 1) await admin.set(`key-${i}`, 'x'.repeat(2048));
      await admin.save();
      await redis.kill();
      const loaded = redis.restart();
      return async () => {
        const impatient = new Redis(redis.url, { enableReadyCheck: false });
        onTestFinished(() => impatient.disconnect());
        await impatient.config('SET', 'key-load-delay', '0');
        await loaded;
      };
    },
  },
])('a worker whose Redis $state waits for it, and says so', async ({ leave }) => {
  const { server: redis, admin } = await startRedis(...SLOW_LOADING);
  admin.on('error', () => {});
  const system = await startSystem({ redisUrl: redis.url });
  const comeBack = await leave(redis, admin);
  const port = randomPort();
  const worker = spawnWorker({ ...system.environment, WORKER_PORT: String(port) });
  onTestFinished(() => worker.kill());
  const health = async (route: string) => fetch(`http://127.0.0.1:${port}/health/${route}`);
  await waitUntil('health', async () => (await health('live').catch(() => null))?.ok);
  const ready = await health('ready');
  expect(ready.status).toBe(503);
  const address = `127.0.0.1:${redis.port}`;
  expect(await ready.text()).toContain(`it waits for Redis at ${address}`);
  await waitUntil('a line that says it', () =>
    worker.output().includes(`Redis at ${address} does not serve yet; waiting for it`),
  );
  await comeBack();
  await worker.started();
  await waitUntil('a worker that is ready', async () => (await health('ready')).ok);
});
