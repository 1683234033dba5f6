import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { missingPermissions } from '../../src/redis/permissions.js';

/** What a user with these rules lacks. */
async function missing(...rules: string[]): Promise<string[]> {
  const server = await startPrivateRedis();
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  onTestFinished(() => admin.disconnect());
  await admin.call('ACL', 'SETUSER', 'app', 'on', '>word', ...rules);
  const redis = new Redis(server.url.replace('//', '//app:word@'));
  onTestFinished(() => redis.disconnect());
  const names = await missingPermissions(redis, '{t}', 'worker');
  expect(await admin.dbsize()).toBe(0);
  return names;
}

test('the permissions that a user of Redis lacks are named, and nothing is written', async () => {
  expect(await missing('~*', '+@all')).toEqual([]);
  const some = ['+eval', '+evalsha', '+bzpopmin'];
  expect(await missing('~*', '+@all', '-evalsha', '-eval', '-bzpopmin')).toEqual(some);
  expect(await missing('~*', '+@all', '-exec')).toEqual(['+exec']);
  expect(await missing('~other:*', '+@all')).toEqual(['keys ~{t}:*']);
});
