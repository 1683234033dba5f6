import { Command, Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { waitUntil } from './wait-until.js';

const MASTERS = 3;
const SLOTS = 16_384;
const KEYS_AT_ONCE = 100;
const MIGRATE_TIMEOUT_MS = 5000;

interface ClusterNode {
  server: PrivateRedis;
  id: string;
  admin: Redis;
}

export interface TestCluster {
  /** `127.0.0.1:7000` … of all nodes. */
  addresses: readonly string[];
  /** Moves the slot of a key to another node, with its keys, while clients go on. */
  moveSlotOf(key: string): Promise<void>;
  /** Kills the master that holds a key, once a replica has its data; the replica takes over. */
  failOverSlotOf(key: string): Promise<void>;
}

/** Three masters on this machine, which share the slots; stopped when the test has finished. */
export async function startCluster(args: readonly string[] = []): Promise<TestCluster> {
  const nodes = await Promise.all(Array.from({ length: MASTERS }, () => startNode(args)));
  const [first] = nodes as [ClusterNode, ...ClusterNode[]];
  for (const [index, { admin, server }] of nodes.entries()) {
    const from = Math.floor((index * SLOTS) / MASTERS);
    const to = Math.floor(((index + 1) * SLOTS) / MASTERS) - 1;
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    if (server !== first.server) {
      await first.admin.call('CLUSTER', 'MEET', '127.0.0.1', String(server.port));
    }
  }
  await waitUntil('a Cluster that works', async () => {
    const infos = await Promise.all(nodes.map(({ admin }) => admin.cluster('INFO')));
    return infos.every(
      (info) =>
        info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${MASTERS}`),
    );
  });
  return {
    addresses: nodes.map(({ server }) => `127.0.0.1:${server.port}`),
    moveSlotOf: (key) => moveSlot(nodes, slotOf(key)),
    async failOverSlotOf(key) {
      const master = await masterOf(nodes, slotOf(key));
      const replica = await startNode(args);
      await replica.admin.call('CLUSTER', 'MEET', '127.0.0.1', String(master.server.port));
      // A node that was just met is not known at once.
      await waitUntil('a replica of the Cluster', () =>
        replica.admin.call('CLUSTER', 'REPLICATE', master.id).then(
          () => true,
          () => false,
        ),
      );
      await waitUntil('a replica that has the data', async () =>
        (await replica.admin.info('replication')).includes('master_link_status:up'),
      );
      await waitUntil('a replica that all know', async () => {
        const known = await Promise.all(nodes.map(({ admin }) => admin.cluster('NODES')));
        return known.every((list) => String(list).includes(`slave ${master.id}`));
      });
      await master.server.kill();
    },
  };
}

function slotOf(key: string): number {
  return new Command('get', [key]).getSlot();
}

async function startNode(args: readonly string[]): Promise<ClusterNode> {
  const server = await startPrivateRedis({ args: ['--cluster-enabled', 'yes', ...args] });
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url, { maxRetriesPerRequest: null });
  admin.on('error', () => {});
  onTestFinished(() => admin.disconnect());
  return { server, admin, id: String(await admin.call('CLUSTER', 'MYID')) };
}

async function masterOf(nodes: readonly ClusterNode[], slot: number): Promise<ClusterNode> {
  const ranges = await nodes[0]?.admin.cluster('SLOTS');
  const [, , owner] = ranges?.find(([from, to]) => from <= slot && slot <= to) ?? [];
  const master = nodes.find(({ server }) => server.port === owner?.[1]);
  if (!master) throw new Error(`no node holds slot ${slot}`);
  return master;
}

/** As `redis-cli --cluster reshard` does it. */
async function moveSlot(nodes: readonly ClusterNode[], slot: number): Promise<void> {
  const source = await masterOf(nodes, slot);
  const target = nodes.find((node) => node !== source) as ClusterNode;
  await target.admin.call('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', source.id);
  await source.admin.call('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', target.id);
  for (;;) {
    const keys = (await source.admin.cluster('GETKEYSINSLOT', slot, KEYS_AT_ONCE)) as string[];
    if (keys.length === 0) break;
    const [host, port] = ['127.0.0.1', String(target.server.port)];
    const options = ['', '0', String(MIGRATE_TIMEOUT_MS), 'KEYS', ...keys];
    await source.admin.call('MIGRATE', host, port, ...options);
  }
  for (const { admin } of [target, source, ...nodes]) {
    await admin.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', target.id);
  }
}
