import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { startOrphanReaper } from '../../scripts/orphan-reaper.js';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { findRedisServer } from '../../scripts/redis-binary.mjs';
import type { CertificateFiles, TestAuthority } from './certificates.js';
import { startTlsRedis } from './redis-tls.js';
import { waitUntil } from './wait-until.js';

export const MASTER_NAME = 'atlas-master';
const SENTINELS = 3;
const QUORUM = 2;
/** A master that does not answer for this long is replaced. */
const DOWN_AFTER_MS = 1000;
/** Shortest time between two failovers, which a test would wait for. */
const FAILOVER_TIMEOUT_MS = 5000;

export interface SentinelSet {
  /** `127.0.0.1:26379` … */
  addresses: readonly string[];
  /** The first of the servers is the master at the start. */
  servers: readonly PrivateRedis[];
  /** Turns the roles round, by the hand of the Sentinels, and resolves when they name the new one. */
  failOver(): Promise<void>;
  /** Kills the master, and starts it again as a replica when the Sentinels name another and reach it. */
  replaceMaster(): Promise<void>;
}

/** A master, a replica and three Sentinels on this machine; stopped when the test has finished. */
export async function startSentinels(): Promise<SentinelSet> {
  // It would wait five seconds for more replicas.
  const args = ['--repl-diskless-sync-delay', '0'];
  const master = await startPrivateRedis({ args });
  onTestFinished(() => master.stop());
  const replica = await startPrivateRedis({
    args: [...args, '--replicaof', '127.0.0.1', String(master.port)],
  });
  onTestFinished(() => replica.stop());
  await hasData(replica);
  const sentinels = await Promise.all(
    Array.from({ length: SENTINELS }, () => startSentinel(master.port)),
  );
  const masterPort = async (sentinel: Redis) => {
    const reply = await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME);
    return Number((reply as string[])[1]);
  };
  await waitUntil('Sentinels that know each other and the replica', async () => {
    const views = await Promise.all(sentinels.map(({ admin }) => viewOf(admin)));
    return views.every(
      (view) => view['num-slaves'] === '1' && view['num-other-sentinels'] === `${SENTINELS - 1}`,
    );
  });
  /** Resolves when all name another master than before. */
  const changeMaster = async (act: (one: Redis, port: number) => unknown) => {
    const [one] = sentinels as [(typeof sentinels)[number]];
    const before = await masterPort(one.admin);
    await act(one.admin, before);
    await waitUntil('a new master', async () => {
      const ports = await Promise.all(sentinels.map(({ admin }) => masterPort(admin)));
      return ports.every((port) => port !== before);
    });
  };
  return {
    addresses: sentinels.map(({ port }) => `127.0.0.1:${port}`),
    servers: [master, replica],
    failOver: () => changeMaster((one) => one.call('SENTINEL', 'FAILOVER', MASTER_NAME)),
    async replaceMaster() {
      let killed = master;
      await changeMaster(async (_, port) => {
        const [old, other] = port === master.port ? [master, replica] : [replica, master];
        await hasData(other);
        await confirmedBy(old);
        killed = old;
        await killed.kill();
      });
      // Until then they may go back to the other, and would lose what was written since.
      await waitUntil('Sentinels that reach the new master', async () => {
        const views = await Promise.all(sentinels.map(({ admin }) => viewOf(admin)));
        return views.every(({ flags }) => flags === 'master');
      });
      await killed.restart();
      await becomeReplica(killed, killed === master ? replica : master);
    },
  };
}

/** What a Sentinel knows of the master. */
async function viewOf(sentinel: Redis): Promise<Record<string, string>> {
  const reply = (await sentinel.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[];
  const names = reply.filter((_, i) => i % 2 === 0);
  return Object.fromEntries(names.map((name, i) => [name, reply[2 * i + 1] ?? '']));
}

/** Sentinels would see to it only ten seconds later. */
async function becomeReplica(server: PrivateRedis, master: PrivateRedis): Promise<void> {
  const redis = new Redis(server.url);
  await redis.replicaof('127.0.0.1', master.port).finally(() => redis.disconnect());
  await hasData(server);
}

/** Resolves when a replica has taken over the data of its master. */
export async function hasData({ url }: PrivateRedis): Promise<void> {
  const redis = new Redis(url);
  await waitUntil('a replica with the data of its master', async () =>
    (await redis.info('replication')).includes('master_link_status:up'),
  ).finally(() => redis.disconnect());
}

/** Resolves when a replica has all that this master has said to have written. */
async function confirmedBy(master: PrivateRedis): Promise<void> {
  const redis = new Redis(master.url);
  try {
    // Redis waits for what this connection wrote; what others wrote before goes out before it.
    await redis.set('confirmed', '', 'PX', 1);
    await waitUntil('a replica that confirms', async () => (await redis.wait(1, 1000)) === 1);
  } finally {
    redis.disconnect();
  }
}

/** One Sentinel, which like its master wants TLS and certificates of its clients. @returns host:port */
export async function startTlsSentinel(authority: TestAuthority): Promise<string> {
  const { url } = await startTlsRedis(authority);
  const { cert, key } = await authority.issue('sentinel');
  const { port } = await startSentinel(Number(new URL(url).port), { ca: authority.ca, cert, key });
  return `127.0.0.1:${port}`;
}

/** One that watches the master at this port. */
export async function startSentinel(
  masterPort: number,
  tls?: CertificateFiles & { ca: string },
): Promise<{ port: number; admin: Redis }> {
  const program = findRedisServer();
  if (program === undefined) throw new Error('no Redis server program');
  const dir = await mkdtemp(join(tmpdir(), 'atlas-batch-sentinel-'));
  const reaper = startOrphanReaper(dir);
  const port = randomPort();
  const file = join(dir, 'sentinel.conf');
  const listening = tls
    ? `port 0
tls-port ${port}
tls-replication yes
tls-ca-cert-file ${tls.ca}
tls-cert-file ${tls.cert}
tls-key-file ${tls.key}`
    : `port ${port}`;
  // It writes into this file what it learns.
  await writeFile(
    file,
    `bind 127.0.0.1
${listening}
dir ${dir}
logfile ${dir}/sentinel.log
sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} ${QUORUM}
sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}
sentinel failover-timeout ${MASTER_NAME} ${FAILOVER_TIMEOUT_MS}
`,
  );
  const child = spawn(program, [file, '--sentinel'], { detached: true, stdio: 'ignore' });
  reaper.watch(child.pid);
  onTestFinished(async () => {
    const exited = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGKILL');
    await exited;
    await reaper.finish();
  });
  const admin = new Redis(port, '127.0.0.1', {
    maxRetriesPerRequest: null,
    ...(tls && {
      tls: { ca: readFileSync(tls.ca), cert: readFileSync(tls.cert), key: readFileSync(tls.key) },
    }),
  });
  admin.on('error', () => {});
  onTestFinished(() => admin.disconnect());
  await admin.ping();
  return { port, admin };
}
