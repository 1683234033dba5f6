/** The policies of `deploy/iam`: enough for each role, and no right that it does not use. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { S3Simulator, S3Target } from '../../src/simulator/index.js';
import { runCommand } from '../cli/run-command.js';
import { batchesInFlight } from '../helpers/batches-in-flight.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { type System, startSystem } from '../helpers/system.js';
import { startApi } from '../server/api/test-api.js';

const POLICY = z.object({
  Version: z.literal('2012-10-17'),
  Statement: z.array(
    z.object({
      Sid: z.string().regex(/^[A-Za-z0-9]+$/),
      Effect: z.literal('Allow'),
      Action: z.array(z.string().regex(/^(s3|kms):[A-Za-z]+$/)),
      Resource: z.array(z.string().startsWith('arn:aws:')),
      Condition: z.record(z.string(), z.record(z.string(), z.string())).optional(),
    }),
  ),
});

/** A right that a request needs. */
interface Need {
  action: string;
  resource: string;
}

/** The rights on S3 of a policy, one action and resource each. */
function rightsOf(name: string): Need[] {
  const text = readFileSync(new URL(`../../deploy/iam/${name}.json`, import.meta.url), 'utf8');
  return POLICY.parse(JSON.parse(text)).Statement.flatMap(({ Action, Resource }) =>
    Action.filter((action) => action.startsWith('s3:')).flatMap((action) =>
      Resource.map((resource) => ({ action, resource })),
    ),
  );
}

const ACTIONS: Partial<Record<S3Target['operation'], string>> = {
  put: 's3:PutObject',
  get: 's3:GetObject',
  head: 's3:GetObject',
  delete: 's3:DeleteObject',
  list: 's3:ListBucket',
  'list-versions': 's3:ListBucketVersions',
};
/** Of what concerns a bucket, and no object in it. */
const OF_BUCKETS: readonly S3Target['operation'][] = ['list', 'list-versions'];

/** What S3 asks of a role. It tells that an object is absent only to one that may list its bucket. */
function needsOf(s3: S3Simulator, { operation, bucket, key, versionId }: S3Target): Need[] {
  const arn = `arn:aws:s3:::${bucket}`;
  const ofVersion = operation === 'delete' && versionId !== undefined;
  const action = ofVersion
    ? 's3:DeleteObjectVersion'
    : (ACTIONS[operation] ?? `unknown:${operation}`);
  const isRead = operation === 'get' || operation === 'head';
  const list = { action: 's3:ListBucket', resource: arn };
  const need = { action, resource: OF_BUCKETS.includes(operation) ? arn : `${arn}/${key}` };
  return isRead && s3.get(bucket, key) === undefined ? [need, list] : [need];
}

function allows(right: Need, need: Need): boolean {
  const pattern = right.resource.split('*').map(escapeForPattern).join('.*');
  return right.action === need.action && new RegExp(`^${pattern}$`).test(need.resource);
}

/** The store refuses what the policy does not allow. @returns the rights that were used so far. */
function enforce(s3: S3Simulator, rights: readonly Need[]): { used: Set<Need>; refused: Need[] } {
  const used = new Set<Need>();
  const refused: Need[] = [];
  const match = (target: S3Target) => {
    const needs = needsOf(s3, target);
    const lacking = needs.filter((need) => !rights.some((right) => allows(right, need)));
    for (const need of needs) {
      for (const right of rights) if (allows(right, need)) used.add(right);
    }
    refused.push(...lacking);
    return lacking.length > 0;
  };
  s3.setFaults({ rules: [{ fault: 'AccessDenied', match }] });
  return { used, refused };
}

function start(): Promise<System> {
  return startSystem({
    atlas: { completionMs: 3_600_000 },
    environment: { RESULTS_BUCKET: 'atlas-results' },
  });
}

/** A batch whose result replaces one that is there, and one whose object is not: every way to use S3. */
async function workThrough(system: System): Promise<void> {
  const { atlas, s3 } = system;
  await system.startWorker();
  await system.submit('late', 3);
  await batchesInFlight(system);
  const [upload] = atlas.uploads();
  s3.put('atlas-results', `late/${upload?.batchId}.json`, '{}');
  atlas.completeNow();
  expect((await system.event('done-late')).name).toBe('batch.completed');
  await system.add({
    reference: 'absent',
    productType: 'LOAN_APP',
    documents: [{ documentId: '001', bucket: 'kyc-documents', key: 'absent.jpg' }],
  });
  expect((await system.event('done-absent')).data.reason?.code).toBe('OBJECT_NOT_FOUND');
  await allJobsEnded(system, 2);
}

test('a worker needs the rights of its policy, and no others', async () => {
  const system = await start();
  const rights = rightsOf('worker');
  const { used, refused } = enforce(system.s3, rights);
  await workThrough(system);
  expect(refused).toEqual([]);
  expect([...used].sort(byText)).toEqual(rights.sort(byText));
});

test('a client needs the rights of its policy, and no others', async () => {
  const system = await start();
  await workThrough(system);
  const rights = rightsOf('client');
  const { used, refused } = enforce(system.s3, rights);
  const scans = ['--s3', 's3://kyc-documents/late/', '--product', 'LOAN_APP', '--dry-run'];
  const listed = await runCommand(['submit', ...scans], system.environment);
  expect([listed.code, listed.stderr]).toEqual([0, '']);
  const read = await runCommand(['results', 'late'], system.environment);
  expect(read.stdout.trim().split('\n')).toHaveLength(3);
  // The bucket is emptied: the client says so, and does not blame the role.
  system.s3.reset();
  const emptied = enforce(system.s3, rights);
  const unread = await runCommand(['results', 'late'], system.environment);
  expect([unread.code, unread.stderr]).toEqual([1, expect.not.stringContaining('AccessDenied')]);
  expect([...refused, ...emptied.refused]).toEqual([]);
  expect([...new Set([...used, ...emptied.used])].sort(byText)).toEqual(rights.sort(byText));
});

test('the server needs the rights of its policy, and no others', async () => {
  const system = await start();
  await workThrough(system);
  const rights = rightsOf('server');
  const { used, refused } = enforce(system.s3, rights);
  const { call } = await startApi(system.environment);
  const read = await call('read', 'GET /batches/late/results');
  expect(read.body.trim().split('\n')).toHaveLength(3);
  system.s3.reset();
  const emptied = enforce(system.s3, rights);
  await call('read', 'GET /batches/late/results');
  expect([...refused, ...emptied.refused]).toEqual([]);
  expect([...new Set([...used, ...emptied.used])].sort(byText)).toEqual(rights.sort(byText));
});

test('whoever erases a batch needs the rights of its policy, and no others', async () => {
  const system = await start();
  await workThrough(system);
  const rights = rightsOf('erase');
  const { used, refused } = enforce(system.s3, rights);
  const erased = await runCommand(['erase', 'late', '--yes'], system.environment);
  expect([erased.code, erased.stderr]).toEqual([0, '']);
  expect(refused).toEqual([]);
  expect([...used].sort(byText)).toEqual(rights.sort(byText));
});

test('the doctor needs the rights of its policy, and no others', async () => {
  const system = await start();
  await system.request('any', 1);
  const rights = rightsOf('doctor');
  const { used, refused } = enforce(system.s3, rights);
  const { stdout } = await runCommand(['doctor'], system.environment);
  expect(stdout).toContain('s3://atlas-results/ can be written and read');
  expect(stdout).toContain('s3://kyc-documents can be read');
  expect(refused).toEqual([]);
  expect([...used].sort(byText)).toEqual(rights.sort(byText));
});

const byText = (a: Need, b: Need) => JSON.stringify(a).localeCompare(JSON.stringify(b));

function escapeForPattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
