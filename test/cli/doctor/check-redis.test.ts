import { connect as connectTo, createServer } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startPrivateRedis } from '../../../scripts/private-redis.js';
import { runCommand } from '../run-command.js';
import { complaint, doctor, startHealthy } from './run-doctor.js';

vi.setConfig({ testTimeout: 60_000 });

test('the doctor names a wrong Redis password', async () => {
  const { environment, admin } = await startHealthy();
  await admin.config('SET', 'requirepass', 'right');
  const url = new URL(environment.REDIS_URL ?? '');
  url.password = 'canary';
  const line = await complaint({ ...environment, REDIS_URL: String(url) });
  expect(line).toMatch(/^FAIL {2}Redis .*WRONGPASS.*; check user and password in REDIS_URL$/);
  expect(line).not.toContain('canary');
});

test('the doctor says that no Redis answers', async () => {
  const { environment } = await startHealthy();
  const line = await complaint({ ...environment, REDIS_URL: 'redis://127.0.0.1:1' });
  expect(line).toMatch(/does not answer \(ECONNREFUSED\); start Redis, or correct host and port/);
});

test('the doctor blames a Redis that is full or short of replicas, and not Atlas, and leaves no key', async () => {
  const { environment, admin } = await startHealthy();
  await admin.config('SET', 'min-replicas-to-write', '1');
  expect(await complaint(environment)).toMatch(
    /^FAIL {2}Redis .*NOREPLICAS.*; it has too few repl/,
  );
  await admin.config('SET', 'min-replicas-to-write', '0');
  expect(await admin.keys('*:doctor')).toEqual([]);
  await admin.config('SET', 'maxmemory', '1000000');
  const { code, lines } = await doctor(environment);
  expect(code).toBe(1);
  expect(lines.join('\n')).toMatch(/^warn {2}Redis .*% of its memory/m);
  expect(lines.join('\n')).toMatch(/^FAIL {2}Redis .*OOM.*; it is full; raise its maxmemory/m);
  expect(lines.join('\n')).toMatch(/^ok {4}Atlas /m);
});

test('the doctor names a replica, a missing one, and permissions that are missing', async () => {
  const { environment, admin } = await startHealthy();
  expect(await complaint({ ...environment, REPLICA_ACK_TIMEOUT_MS: '100' })).toMatch(
    /^FAIL {2}Redis .*has no replica/,
  );
  const rules = ['on', '>word', '~*', '&*', '+@all', '-evalsha', '-wait', '-info'];
  await admin.call('ACL', 'SETUSER', 'app', ...rules);
  const url = environment.REDIS_URL?.replace('//', '//app:word@') ?? '';
  const { code, stdout } = await runCommand(['doctor'], { ...environment, REDIS_URL: url });
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^FAIL {2}Redis .*lacks permissions; give the user .* \+info \+evalsha \+wait$/m,
  );
  const replica = await startPrivateRedis({
    appendOnly: true,
    args: ['--replicaof', '127.0.0.1', new URL(environment.REDIS_URL ?? '').port],
  });
  onTestFinished(() => replica.stop());
  // One sentence, and no write that it would refuse.
  expect(await complaint({ ...environment, REDIS_URL: replica.url })).toMatch(
    /^FAIL {2}Redis .*is a replica.*; point REDIS_URL to its master$/,
  );
});

test('the doctor refuses a Redis that evicts keys', async () => {
  const { environment, admin } = await startHealthy();
  await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
  expect(await complaint(environment)).toMatch(
    /^FAIL {2}Redis .*allkeys-lru.*; set maxmemory-policy noeviction$/,
  );
});

test('the doctor warns of a Redis without an append-only file, and passes', async () => {
  const { environment, admin } = await startHealthy();
  await admin.config('SET', 'appendonly', 'no');
  const { code, lines } = await doctor(environment);
  expect(code).toBe(0);
  expect(lines.join('\n')).toMatch(/^warn {2}Redis .*; set appendonly yes$/m);
});

test('the doctor refuses an old Redis', async () => {
  const { environment } = await startHealthy();
  const redis = new URL(environment.REDIS_URL ?? '');
  const port = Number(redis.port);
  // A real one that claims to be older: of equal length, so that its answers keep their form.
  const proxy = createServer((client) => {
    const server = connectTo(port, redis.hostname);
    client.pipe(server);
    server.on('data', (chunk) => {
      client.write(
        chunk
          .toString('latin1')
          .replace(
            /redis_version:(\S+)/,
            (line) => `redis_version:${'5.0.0'.padEnd(line.length - 14, '0')}`,
          ),
        'latin1',
      );
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const address = proxy.address();
  redis.port = String(typeof address === 'object' ? address?.port : '');
  expect(await complaint({ ...environment, REDIS_URL: String(redis) })).toMatch(
    /^FAIL {2}Redis .*Redis 5\.0\.0+ is too old; use Redis 6\.2 or newer/,
  );
});
