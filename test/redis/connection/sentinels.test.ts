import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { loadConnectionConfig } from '../../../src/config/environment.js';
import { redisTarget } from '../../../src/config/redis-fields.js';
import { openLink } from '../../../src/redis/client-link.js';
import { connectionOptions } from '../../../src/redis/connection/connect.js';
import { RedisConnection } from '../../../src/redis/connection/connection.js';
import { targetOf } from '../../../src/redis/connection/target.js';
import { pause } from '../../../src/timeouts.js';
import { createAuthority } from '../../helpers/certificates.js';
import { MASTER_NAME, startSentinels, startTlsSentinel } from '../../helpers/redis-sentinels.js';
import { startScriptedSentinel } from '../../helpers/scripted-sentinel.js';
import { waitUntil } from '../../helpers/wait-until.js';

/** What a command says whose Sentinels are these. */
async function complaint(variables: Record<string, string>): Promise<string> {
  const config = loadConnectionConfig({ REDIS_SENTINEL_NAME: MASTER_NAME, ...variables });
  const link = openLink(connectionOptions(targetOf(config), '{t}'));
  onTestFinished(() => link.close());
  return link.run(() => link.redis.ping()).catch(({ message }: Error) => message);
}

/** Makes all Sentinels want this password from now on, instead of the one before. */
async function wantPassword(
  addresses: readonly string[],
  password: string,
  before?: string,
): Promise<void> {
  for (const address of addresses) {
    const admin = new Redis(`redis://${address}`, before === undefined ? {} : { password: before });
    await admin.call('ACL', 'SETUSER', 'default', 'resetpass', `>${password}`);
    admin.disconnect();
  }
}

test('a password of the Sentinels that is rotated is used for the next connection', async () => {
  const { addresses } = await startSentinels();
  await wantPassword(addresses, 'canary');
  const config = loadConnectionConfig({
    REDIS_SENTINELS: addresses.join(','),
    REDIS_SENTINEL_NAME: MASTER_NAME,
    REDIS_SENTINEL_PASSWORD: 'canary',
  });
  const link = openLink(connectionOptions(redisTarget(config), '{t}'));
  onTestFinished(() => link.close());
  expect(await link.run(() => link.redis.ping())).toBe('PONG');
  await wantPassword(addresses, 'rotated', 'canary');
  config.REDIS_SENTINEL_PASSWORD = 'rotated';
  link.redis.disconnect(true);
  expect(await link.run(() => link.redis.ping())).toBe('PONG');
});

test('Sentinels that want TLS are reached by it, as their master is, or it is said what to set', async () => {
  const authority = await createAuthority();
  const REDIS_SENTINELS = await startTlsSentinel(authority);
  const { cert, key } = await authority.issue('client');
  const trusting = { REDIS_SENTINELS, REDIS_TLS_CA_FILE: authority.ca };
  const right = { ...trusting, REDIS_TLS_CERT_FILE: cert, REDIS_TLS_KEY_FILE: key };
  expect(await complaint(right)).toBe('PONG');
  expect(await complaint(trusting)).toMatch(/[,;] set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE$/);
  expect(await complaint({ REDIS_SENTINELS, REDIS_URL: 'rediss://unused' })).toMatch(
    /; set REDIS_TLS_CA_FILE to the certificate of that authority$/,
  );
  expect(await complaint({ REDIS_SENTINELS })).toMatch(
    / does not answer \(ECONNRESET\); if it wants TLS, set REDIS_TLS_CA_FILE, or rediss:\/\/ in REDIS_URL; /,
  );
});

test('TLS to Sentinels and to nodes of a Cluster that speak none is complained of with what to set', async () => {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const { ca } = await createAuthority();
  const sentinel = { REDIS_SENTINELS: `127.0.0.1:${server.port}`, REDIS_TLS_CA_FILE: ca };
  expect(await complaint(sentinel)).toMatch(
    / does not answer .*; if it speaks no TLS, unset REDIS_TLS_…_FILE, or use redis:\/\/ in REDIS_URL$/,
  );
  const node = { REDIS_URL: `rediss://127.0.0.1:${server.port}`, REDIS_CLUSTER: 'true' };
  expect(await complaint({ ...node, REDIS_SENTINEL_NAME: '' })).toMatch(
    / does not answer .*; if it speaks no TLS, use redis:\/\/ in REDIS_URL$/,
  );
});

test('Sentinels that lead to no master are complained of with the variable to correct', async () => {
  const { addresses } = await startSentinels();
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const REDIS_SENTINELS = addresses.join(',');
  expect(await complaint({ REDIS_SENTINELS, REDIS_SENTINEL_NAME: 'another' })).toMatch(
    /^Redis at the master another of the Sentinels .* refuses us: .*No such master.*; correct REDIS_SENTINEL_NAME$/,
  );
  expect(await complaint({ REDIS_SENTINELS: `127.0.0.1:${server.port}` })).toMatch(
    /unknown command 'sentinel'; it is no Sentinel; correct REDIS_SENTINELS$/,
  );
  expect(await complaint({ REDIS_SENTINELS: '127.0.0.1:1' })).toMatch(
    /does not answer \(ECONNREFUSED\)$/,
  );
  await wantPassword(addresses, 'canary');
  expect(await complaint({ REDIS_SENTINELS })).toMatch(/; set REDIS_SENTINEL_PASSWORD$/);
  expect(await complaint({ REDIS_SENTINELS, REDIS_SENTINEL_PASSWORD: 'wrong' })).toMatch(
    /WRONGPASS .*; check REDIS_SENTINEL_PASSWORD$/,
  );
  // One that is away does not matter while another leads to the master.
  const some = `127.0.0.1:1,${REDIS_SENTINELS}`;
  const right = { REDIS_SENTINELS: some, REDIS_SENTINEL_PASSWORD: 'canary' };
  expect(await complaint(right)).toBe('PONG');
});

test('a connection that hears of a failover while it asks for the new master goes on to it', async () => {
  const [old, next] = await Promise.all([startPrivateRedis(), startPrivateRedis()]);
  for (const server of [old, next]) onTestFinished(() => server.stop());
  let master = () => Promise.resolve(old.port);
  const sentinel = await startScriptedSentinel(() => master());
  const config = loadConnectionConfig({
    REDIS_SENTINELS: `127.0.0.1:${sentinel.port}`,
    REDIS_SENTINEL_NAME: MASTER_NAME,
  });
  const redis = new RedisConnection({
    ...connectionOptions(targetOf(config), '{t}'),
    maxRetriesPerRequest: null,
  });
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnectAll());
  await redis.ping();
  await waitUntil('somebody who listens for failovers', () => sentinel.subscribers() > 0);
  const asked = new Promise<void>((resolve) => {
    master = async () => {
      resolve();
      sentinel.announce();
      // Read before the answer, which comes over another socket.
      await pause(100);
      return next.port;
    };
  });
  await old.kill();
  await asked;
  expect(await redis.set('written', 'once')).toBe('OK');
  expect(redis.stream.remotePort).toBe(next.port);
});
