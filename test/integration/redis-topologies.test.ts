import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import type { AtlasBatchClient } from '../../src/client/atlas-batch-client.js';
import { createAtlasBatchClient } from '../../src/client/client.js';
import type { RedisAddress } from '../../src/client/redis-address.js';
import { RedisUnavailableError } from '../../src/errors.js';
import type { BatchSummary } from '../../src/jobs/summary.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { expectAllEndedOnce } from '../helpers/invariants.js';
import { LONG } from '../helpers/long-form.js';
import { startCluster } from '../helpers/redis-cluster.js';
import { hasData, MASTER_NAME, startSentinels } from '../helpers/redis-sentinels.js';
import { startTlsRedisForClient } from '../helpers/redis-tls.js';
import { type System, startSystem } from '../helpers/system.js';
import { startTcpValve } from '../helpers/tcp-valve.js';
import { waitUntil } from '../helpers/wait-until.js';
import { spawnWorker, type WorkerProcess } from '../helpers/worker-process.js';

const BATCHES = LONG ? 200 : 20;
const BATCHES_AFTER = 5;
/** Long enough for all to be in flight at the same time, also where other tests take the cores. */
const COMPLETION_MS = LONG ? 20_000 : 1500;
/** Whatever happens to Redis, everything is at work again within this time. */
const BACK_WITHIN_MS = 30_000;
const TEST_TIMEOUT_MS = 180_000;

/** A Redis, and what happens to it while batches are in flight. */
interface Topology {
  happening: string;
  /** It takes tens of seconds: `npm run test:chaos` only. */
  isLong?: true;
  prepare(): Promise<{
    variables: Record<string, string>;
    address: RedisAddress;
    happen(prefix: string): Promise<unknown> | unknown;
  }>;
}

async function privateRedis(...args: string[]): Promise<PrivateRedis> {
  const redis = await startPrivateRedis({ args });
  onTestFinished(() => redis.stop());
  return redis;
}

function nodesOf(addresses: readonly string[]): { host: string; port: number }[] {
  return addresses.map((address) => ({
    host: '127.0.0.1',
    port: Number(address.split(':').at(-1)),
  }));
}

const TOPOLOGIES: Topology[] = [
  {
    happening: 'a master that Sentinels replace',
    async prepare() {
      const { addresses, servers } = await startSentinels();
      return {
        variables: { REDIS_SENTINELS: addresses.join(','), REDIS_SENTINEL_NAME: MASTER_NAME },
        address: { sentinels: nodesOf(addresses), name: MASTER_NAME },
        happen: () => servers[0]?.kill(),
      };
    },
  },
  {
    happening: 'roles that Sentinels turn round',
    isLong: true,
    async prepare() {
      const { addresses, failOver } = await startSentinels();
      return {
        variables: { REDIS_SENTINELS: addresses.join(','), REDIS_SENTINEL_NAME: MASTER_NAME },
        address: { sentinels: nodesOf(addresses), name: MASTER_NAME },
        happen: failOver,
      };
    },
  },
  {
    happening: 'roles turned by hand, sockets open',
    async prepare() {
      const master = await privateRedis('--repl-diskless-sync-delay', '0');
      const replica = await privateRedis('--replicaof', '127.0.0.1', String(master.port));
      const valve = await startTcpValve(master.port);
      const url = `redis://127.0.0.1:${valve.port}`;
      return {
        variables: { REDIS_URL: url },
        address: { url },
        async happen() {
          valve.admitNew(replica.port);
          await turnRound(master, replica);
        },
      };
    },
  },
  {
    happening: 'a slot that moves in a Cluster',
    async prepare() {
      const { addresses, moveSlotOf } = await startCluster();
      return {
        variables: { REDIS_URL: `redis://${addresses.join(',')}`, REDIS_CLUSTER: 'true' },
        address: { cluster: nodesOf(addresses) },
        happen: moveSlotOf,
      };
    },
  },
  {
    happening: 'a master of a Cluster whose replica takes over',
    isLong: true,
    async prepare() {
      const { addresses, failOverSlotOf } = await startCluster([
        '--cluster-node-timeout',
        '2000',
        '--repl-diskless-sync-delay',
        '0',
      ]);
      return {
        variables: { REDIS_URL: `redis://${addresses.join(',')}`, REDIS_CLUSTER: 'true' },
        address: { cluster: nodesOf(addresses) },
        happen: failOverSlotOf,
      };
    },
  },
  {
    happening: 'sockets that fall silent',
    isLong: true,
    async prepare() {
      const redis = await privateRedis();
      const valve = await startTcpValve(redis.port);
      const url = `redis://127.0.0.1:${valve.port}`;
      return {
        variables: { REDIS_URL: url },
        address: { url },
        happen() {
          valve.silence();
          valve.admitNew();
        },
      };
    },
  },
  {
    happening: 'a restart of a Redis with TLS',
    async prepare() {
      const { redis, variables, address } = await startTlsRedisForClient();
      return { variables, address, happen: () => redis.restart() };
    },
  },
];

it.each(TOPOLOGIES.filter(({ isLong }) => LONG || !isLong))(
  'worker, server and client go on after $happening, and nothing is sent twice',
  { timeout: TEST_TIMEOUT_MS },
  async ({ prepare }) => {
    const { variables, address, happen } = await prepare();
    const system = await startSystem({
      redis: variables,
      atlas: {
        completionMs: ({ documentId, batchRandom }) =>
          documentId.startsWith('after') ? 0 : COMPLETION_MS * (1 + batchRandom()),
        fetchUrls: false,
      },
    });
    const [worker, server] = await startProcesses(system);
    const client = createAtlasBatchClient({ redis: address, prefix: system.prefix });
    onTestFinished(() => client.close());
    const handled = new Set<string | null>();
    client.onCompletion(({ reference }) => void handled.add(reference));
    const seen = new Set<string>();
    void follow(client, seen);

    const submit = (name: string, count: number) =>
      Promise.all(Array.from({ length: count }, (_, i) => system.submit(`${name}-${i}`, 2, name)));
    // A wait that has not begun may fail while Redis is away: once one has ended, the others begin at once.
    const first = await submit('after-nothing', 1);
    await client.wait('after-nothing-0');
    const before = await submit('before', BATCHES);
    const ends = before.map(({ reference }) => client.wait(reference));
    await batchesInFlight(system, BATCHES);

    const happened = performance.now();
    await happen(system.prefix);
    seen.clear();
    const after = await submit('after', BATCHES_AFTER);
    const endsAfter = after.map(({ reference }) => waitFor(client, reference));
    ends.push(...endsAfter);
    await Promise.all(endsAfter);
    await waitUntil('events and handlers of what came after', () =>
      after.every(({ reference }) => seen.has(reference) && handled.has(reference)),
    );
    await waitUntil(
      'a server that is ready',
      async () => (await fetch(`${server}/health/ready`)).ok,
    );
    expect(performance.now() - happened).toBeLessThan(BACK_WITHIN_MS);

    const requests = [...first, ...before, ...after];
    await batchesEnded(system, requests.length, TEST_TIMEOUT_MS);
    const summaries = await Promise.all(ends);
    expect(summaries.filter(({ status }) => status !== 'completed')).toEqual([]);
    await waitUntil('all handlers', () => handled.size === requests.length);
    await expectAllEndedOnce(system, requests);
    const sent = system.atlas.uploads().flatMap(({ documentIds }) => documentIds);
    expect(sent).toHaveLength(2 * requests.length);
    worker.signal('SIGTERM');
    expect(await worker.exited).toBe(0);
  },
);

/** Workers and server in one process, and where the server listens. */
async function startProcesses({ environment }: System): Promise<[WorkerProcess, string]> {
  const child = spawnWorker({ ...environment, PORT: '0' }, [], 'start');
  onTestFinished(() => child.kill());
  await child.started();
  const url = await waitUntil(
    'the address of the server',
    () => /"url":"(http:[^"]+)"/.exec(child.output())?.[1],
  );
  return [child, url];
}

/** Where the machine is slow, Redis may be away before the loop has begun: then it begins again. */
async function follow(client: AtlasBatchClient, seen: Set<string>): Promise<void> {
  try {
    for await (const { reference } of client.events()) seen.add(reference);
  } catch (error) {
    nullWhenAway(error);
    await follow(client, seen);
  }
}

/** A call may fail while Redis is away: that is for its caller to repeat. */
function waitFor(client: AtlasBatchClient, reference: string): Promise<BatchSummary> {
  return waitUntil(`the end of ${reference}`, () => client.wait(reference).catch(nullWhenAway));
}

function nullWhenAway(error: unknown): null {
  if (error instanceof RedisUnavailableError) return null;
  throw error;
}

/** Resolves when the second has all that the first had, and is the master. */
async function turnRound(master: PrivateRedis, replica: PrivateRedis): Promise<void> {
  const [old, next] = [master, replica].map(({ url }) => new Redis(url)) as [Redis, Redis];
  try {
    await hasData(replica);
    // Nothing is written meanwhile, so that nothing is lost.
    await old.call('CLIENT', 'PAUSE', '1000', 'WRITE');
    await waitUntil('all writes at the replica', async () => {
      const offsets = await Promise.all([old, next].map((one) => one.info('replication')));
      const [ours, theirs] = offsets.map((info) => /master_repl_offset:(\d+)/.exec(info)?.[1]);
      return ours === theirs;
    });
    await next.replicaof('NO', 'ONE');
    await old.replicaof('127.0.0.1', replica.port);
    await old.call('CLIENT', 'UNPAUSE');
  } finally {
    old.disconnect();
    next.disconnect();
  }
}
