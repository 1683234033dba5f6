import { onTestFinished } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { permissionsOf } from '../../src/redis/permissions.js';
import { startCluster } from './redis-cluster.js';
import { MASTER_NAME, startSentinels } from './redis-sentinels.js';
import { startTlsRedisForClient } from './redis-tls.js';

/** A Redis for a chaos test. */
export interface ChaosRedis {
  /** As the test reaches it. */
  variables: Record<string, string>;
  /** As the workers reach it, where that differs. */
  ofWorkers?: Record<string, string>;
  /** Something that its kind has to live with, and that loses no write. */
  disturb(prefix: string): Promise<unknown>;
}

const WITH_DISK = { appendOnly: true, appendfsync: 'always' } as const;

async function crash(redis: PrivateRedis): Promise<void> {
  await redis.kill();
  await redis.restart();
}

export const CHAOS_REDIS = {
  'one server that crashes': async () => {
    const redis = await startPrivateRedis(WITH_DISK);
    onTestFinished(() => redis.stop());
    return { variables: { REDIS_URL: redis.url }, disturb: () => crash(redis) };
  },
  'a Cluster whose slot moves': async () => {
    const { addresses, moveSlotOf } = await startCluster();
    const REDIS_URL = `redis://${addresses.join(',')}`;
    return { variables: { REDIS_URL, REDIS_CLUSTER: 'true' }, disturb: moveSlotOf };
  },
  'Sentinels whose master dies': async () => {
    const { addresses, replaceMaster } = await startSentinels();
    return {
      variables: { REDIS_SENTINELS: addresses.join(','), REDIS_SENTINEL_NAME: MASTER_NAME },
      disturb: replaceMaster,
    };
  },
  'TLS with a client certificate': async () => {
    const { redis, variables } = await startTlsRedisForClient();
    return { variables, disturb: () => crash(redis) };
  },
  'a user with the least permissions': async () => {
    const commands = [
      'hello',
      'auth',
      'client|setname',
      'multi',
      'exec',
      ...permissionsOf('worker'),
    ];
    const rules = ['on', '>word', 'resetchannels', '~{t-*}:*', '-@all'];
    const user = ['--user', 'app', ...rules, ...commands.map((name) => `+${name}`)];
    const redis = await startPrivateRedis({ ...WITH_DISK, args: user });
    onTestFinished(() => redis.stop());
    return {
      variables: { REDIS_URL: redis.url },
      ofWorkers: { REDIS_URL: redis.url.replace('//', '//app:word@') },
      disturb: () => crash(redis),
    };
  },
} satisfies Record<string, () => Promise<ChaosRedis>>;

export type ChaosRedisKind = keyof typeof CHAOS_REDIS;
