import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { missingPermissions, permissionsOf } from '../../src/redis/permissions.js';

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
  expect(await missing('~other:*', '+@all')).toEqual(['~{t}:*']);
});

test('the permissions of every user cover each command of our scripts', () => {
  const source = fileURLToPath(new URL('../../src', import.meta.url));
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' });
  const used = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...readFileSync(join(source, file), 'utf8').matchAll(/redis\.p?call\('(\w+)'/g),
    ])
    .map(([, command = '']) => command.toLowerCase());
  const unlisted = [...new Set(used)].filter((name) => !permissionsOf('server').includes(name));
  expect(used).toContain('xdel');
  expect(unlisted).toEqual([]);
});
