import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConnectionConfig } from '../../src/config/environment.js';
import { targetOf } from '../../src/redis/connection/target.js';

function issuesOf(environment: Record<string, string>): string {
  try {
    loadConnectionConfig(environment);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function targetFrom(environment: Record<string, string>) {
  const { credentials, tls, ...target } = targetOf(loadConnectionConfig(environment));
  return { ...target, ...credentials(), isTls: tls !== undefined };
}

test.each([
  'http://canary@127.0.0.1:6379',
  'canary',
  'canary.example.com:6379',
  'redis://',
  'redis://:canary%@127.0.0.1:6379',
  'redis://:%zzcanary@127.0.0.1:6379',
  'redis://:canary/rest@127.0.0.1:6379',
  'redis://canary:12/rest@127.0.0.1:6379',
  'redis://canary:12#rest@127.0.0.1:6379',
  'redis://canary:12?rest@127.0.0.1:6379',
  'redis://127.0.0.1:6379/canary',
  'redis://127.0.0.1:6379/0/canary',
  'redis://127.0.0.1:6379?canary=1',
  'redis://canary-a,canary-b',
  'redis://canary-a:1,redis://canary-b:2',
])('the URL %s is refused, and no part of it is shown', (url) => {
  const issues = issuesOf({ REDIS_URL: url }).split('\n').slice(1);
  expect(issues).toEqual([expect.stringMatching(/^ {2}REDIS_URL (must be|holds a %)/)]);
  expect(issues[0]).not.toMatch(/canary|rest@|zz/);
});

const ESCAPES = 'write / ? # @ of a password as %2F %3F %23 %40';
const CLUSTER = 'several hosts need REDIS_CLUSTER=true';
test.each([
  ['redis://a:1,redis://b:2', CLUSTER],
  ['redis://a:1,b:2', CLUSTER],
  ['redis://app:canary@a:1,redis://app:canary@b:2', CLUSTER],
  ['redis://a:1,redis://app:canary@b:2', CLUSTER],
  ['redis://:canary/rest@127.0.0.1:6379', ESCAPES],
  ['rediss://app:canary#rest@127.0.0.1', ESCAPES],
  ['redis://:canary,1?rest@127.0.0.1', ESCAPES],
  ['redis://app:12/rest@127.0.0.1', ESCAPES],
  ['redis://127.0.0.1:0', 'must name a port from 1 to 65535'],
])('what is wrong with the URL %s is said with what to do', (url, hint) => {
  const issues = issuesOf({ REDIS_URL: url });
  expect(issues).toContain(hint);
  expect(issues).not.toMatch(/canary|rest@/);
  for (const other of [ESCAPES, CLUSTER]) if (other !== hint) expect(issues).not.toContain(other);
});

test('a comma in the password of a Cluster is to be written as an escape', () => {
  const issues = issuesOf({ REDIS_URL: 'redis://:canary,rest@a:1,b:2', REDIS_CLUSTER: 'true' });
  expect(issues).toContain('write , of a password as %2C');
  expect(issues).not.toMatch(/canary|rest/);
});

test('one server is named by a URL, and special characters of a password by escapes', () => {
  expect(targetFrom({ REDIS_URL: 'rediss://app:p%25%2F%40%C3%A9@redis.example.com/3' })).toEqual({
    kind: 'single',
    node: { host: 'redis.example.com', port: 6379 },
    username: 'app',
    password: 'p%/@é',
    db: 3,
    isTls: true,
  });
  expect(targetFrom({ REDIS_URL: 'redis://[::1]:7000' })).toMatchObject({
    node: { host: '::1', port: 7000 },
    isTls: false,
  });
});

test('Sentinels have a name for the master, and the URL says how to log in there', () => {
  const sentinels = {
    REDIS_SENTINELS: 'a.example.com:26380, b.example.com',
    REDIS_SENTINEL_NAME: 'main',
    REDIS_SENTINEL_PASSWORD: 'sentinel-secret',
  };
  expect(targetFrom({ ...sentinels, REDIS_URL: 'redis://:secret@ignored/2' })).toEqual({
    kind: 'sentinels',
    sentinels: [
      { host: 'a.example.com', port: 26_380 },
      { host: 'b.example.com', port: 26_379 },
    ],
    name: 'main',
    sentinelPassword: 'sentinel-secret',
    password: 'secret',
    db: 2,
    isTls: false,
  });
  expect(targetFrom(sentinels)).toMatchObject({ kind: 'sentinels', db: 0, isTls: false });
});

test('a Cluster is named by some of its nodes, which share one login', () => {
  expect(
    targetFrom({
      REDIS_URL: 'rediss://app:secret@a:7000,b:7001,rediss://c',
      REDIS_CLUSTER: 'true',
    }),
  ).toEqual({
    kind: 'cluster',
    nodes: [
      { host: 'a', port: 7000 },
      { host: 'b', port: 7001 },
      { host: 'c', port: 6379 },
    ],
    username: 'app',
    password: 'secret',
    db: 0,
    isTls: true,
  });
});

test.each([
  [{}, 'REDIS_URL is missing'],
  [{ REDIS_SENTINELS: 'a' }, 'REDIS_SENTINEL_NAME is missing; REDIS_SENTINELS needs it'],
  [
    { REDIS_URL: 'redis://a', REDIS_SENTINEL_NAME: 'main' },
    'REDIS_SENTINELS is missing; REDIS_SENTINEL_NAME needs it',
  ],
  [
    { REDIS_SENTINELS: 'redis://a:1', REDIS_SENTINEL_NAME: 'main' },
    'REDIS_SENTINELS must be hosts and ports',
  ],
  [
    { REDIS_SENTINELS: 'a:26379,b:0', REDIS_SENTINEL_NAME: 'main' },
    'REDIS_SENTINELS must be hosts and ports',
  ],
  [
    { REDIS_SENTINELS: 'a', REDIS_SENTINEL_NAME: 'main', REDIS_CLUSTER: 'true' },
    'REDIS_CLUSTER cannot go together with REDIS_SENTINELS',
  ],
  [
    { REDIS_URL: 'redis://a', REDIS_CLUSTER: 'true', QUEUE_PREFIX: 'atlas' },
    'QUEUE_PREFIX must hold braces',
  ],
  [{ REDIS_URL: 'redis://a/1', REDIS_CLUSTER: 'true' }, 'REDIS_URL must name no database'],
  [
    { REDIS_URL: 'redis://a,rediss://b', REDIS_CLUSTER: 'true' },
    'REDIS_URL must be redis:// for all nodes, or rediss:// for all',
  ],
])('%j is refused: %s', (environment, issue) => {
  const issues = issuesOf(environment as Record<string, string>)
    .split('\n')
    .slice(1);
  expect(issues).toEqual([expect.stringContaining(issue)]);
});

test('files of TLS go with rediss only, must be there, and are not shown', async () => {
  const file = join(tmpdir(), `atlas-batch-${process.pid}.pem`);
  await writeFile(file, 'canary');
  expect(issuesOf({ REDIS_URL: 'redis://a', REDIS_TLS_CA_FILE: '/no/such' }).split('\n')).toEqual([
    'The configuration is wrong:',
    expect.stringContaining('REDIS_URL must be rediss:// for REDIS_TLS_CA_FILE'),
    expect.stringContaining('REDIS_TLS_CA_FILE cannot be read (ENOENT)'),
  ]);
  expect(issuesOf({ REDIS_URL: 'rediss://a', REDIS_TLS_CA_FILE: '/dev/zero' })).toContain(
    'REDIS_TLS_CA_FILE cannot be read (no regular file)',
  );
  const environment = { REDIS_URL: 'rediss://a', REDIS_TLS_CERT_FILE: file };
  const issues = issuesOf(environment);
  expect(issues).toContain('REDIS_TLS_KEY_FILE is missing; REDIS_TLS_CERT_FILE needs it');
  expect(issues).toContain('REDIS_TLS_CERT_FILE holds no certificate in PEM');
  expect(issuesOf({ ...environment, REDIS_TLS_KEY_FILE: file })).not.toContain('canary');
});
