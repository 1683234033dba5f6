import { expect, it } from 'vitest';
import { memoryUsedRatio, redisFindings } from '../../src/redis/findings.js';

const info = (version: string, policy: string, aof: string) =>
  `# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:${policy}\r\n# Persistence\r\naof_enabled:${aof}\r\n`;
const problems = (text: string) => redisFindings(text).map(({ severity, fix }) => [severity, fix]);

it('the check of Redis finds nothing wrong with a durable one', () => {
  expect(redisFindings(info('7.0.15', 'noeviction', '1'))).toEqual([]);
  expect(redisFindings(info('6.2.0', 'noeviction', '1'))).toEqual([]);
  expect(redisFindings(info('10.0.1', 'noeviction', '1'))).toEqual([]);
});

it.each(['5.0.7', '6.0.16', '', 'beta'])(
  'the check of Redis finds version %j too old',
  (version) => {
    expect(problems(info(version, 'noeviction', '1'))).toEqual([
      ['error', 'use Redis 6.2 or newer, or Valkey'],
    ]);
  },
);

it('the check of Redis finds a policy that evicts, and a Redis that forgets', () => {
  expect(problems(info('7.2.4', 'allkeys-lru', '0'))).toEqual([
    ['error', 'set maxmemory-policy noeviction'],
    ['warning', 'set appendonly yes'],
  ]);
});

it('finds that there is no replica only where uploads wait for one', () => {
  const alone = `${info('7.0.15', 'noeviction', '1')}# Replication\r\nconnected_slaves:0\r\n`;
  expect(redisFindings(alone, 0)).toEqual([]);
  expect(redisFindings(alone.replace('slaves:0', 'slaves:1'), 100)).toEqual([]);
  expect(redisFindings(alone, 100)).toMatchObject([
    { severity: 'error', problem: expect.stringContaining('REPLICA_ACK_TIMEOUT_MS') },
  ]);
});

it('the memory that Redis uses is a share of its maxmemory, or of its host', () => {
  const info = 'used_memory:50\r\nused_memory_human:1K\r\ntotal_system_memory:1000\r\nmaxmemory:';
  expect(memoryUsedRatio(`${info}200\r\n`)).toBe(0.25);
  expect(memoryUsedRatio(`${info}0\r\n`)).toBe(0.05);
  expect(memoryUsedRatio('')).toBeNull();
});

it('the check of Redis finds a replica, and one that is nearly full', () => {
  const text = info('7.0.15', 'noeviction', '1');
  const replica = `${text}role:slave\r\nmaxmemory:100\r\nused_memory:81\r\n`;
  expect(problems(replica)).toEqual([
    ['error', 'point REDIS_URL to its master'],
    ['warning', 'raise its maxmemory, or keep ended batches for less time'],
  ]);
});
