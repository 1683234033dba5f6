/** Who goes first, when everybody comes at once and Atlas has no room. */
import { expect, it, onTestFinished, vi } from 'vitest';
import { createAtlasBatchClient } from '../../src/index.js';
import type { Priority } from '../../src/jobs/request/request.js';
import { runCommand } from '../cli/run-command.js';
import { LONG } from '../helpers/long-form.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

vi.setConfig({ testTimeout: 300_000 });

const LIMIT = 4;
const HOUR_MS = 3_600_000;
/** Batches of a flood: as many as the issue names, or few. */
const FLOOD = LONG ? 20_000 : 600;
/** Jobs of one command. */
const ADDED_AT_ONCE = 1000;
/** Many times what the intake of a flood takes on a busy machine. */
const INTAKE_TIMEOUT_MS = 240_000;

/** All of them have the same scan, under ids that begin with the kind. */
async function add(
  { batches }: System,
  kind: string,
  count: number,
  more: { priority?: Priority; tenant?: string },
): Promise<void> {
  const jobs = Array.from({ length: count }, (_, n) => {
    const reference = `${kind}-${n}`;
    const documents = [{ documentId: reference, bucket: 'kyc-documents', key: 'scan.jpg' }];
    const data = { reference, productType: 'LOAN_APP', documents, ...more };
    return { name: 'batch', data, opts: { jobId: `batch-${reference}` } };
  });
  for (let from = 0; from < count; from += ADDED_AT_ONCE)
    await batches.addBulk(jobs.slice(from, from + ADDED_AT_ONCE));
}

const kindsOf = ({ atlas }: System) =>
  atlas.uploads().map(({ documentIds: [id = ''] }) => id.slice(0, id.lastIndexOf('-')));

/** Atlas keeps what it gets until `flow()`, and is quick from then on. */
async function startFullAtlas() {
  let completionMs = HOUR_MS;
  const system = await startSystem({
    atlas: { completionMs: () => completionMs },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: String(LIMIT), BATCH_DEADLINE_MS: '3600000' },
  });
  await system.s3.put('kyc-documents', 'scan.jpg', 'scan');
  const client = createAtlasBatchClient({
    redisUrl: system.environment.REDIS_URL ?? '',
    prefix: system.prefix,
  });
  onTestFinished(() => client.close());
  const flow = () => {
    completionMs = 0;
    system.atlas.completeNow();
  };
  return { system, client, flow };
}

const allTaken = ({ batches }: System) =>
  waitUntil(
    'a worker has taken all',
    async () => {
      const { wait, active } = await batches.getJobCounts('wait', 'active');
      return wait === 0 && active === 0;
    },
    INTAKE_TIMEOUT_MS,
  );

it('an urgent batch, and the single one of another tenant, are the next to go behind a flood of which none was taken', async () => {
  const { system, client, flow } = await startFullAtlas();
  await add(system, 'bulk', FLOOD, { priority: 'bulk', tenant: 'a' });
  await add(system, 'flood', FLOOD / 2, { tenant: 'a' });
  await add(system, 'urgent', 1, { priority: 'urgent', tenant: 'a' });
  await add(system, 'single', 1, { tenant: 'b' });
  await system.startWorker();
  await allTaken(system);
  const atAtlas = system.atlas.uploads().length;
  expect(atAtlas).toBe(LIMIT);
  const placeOf = async (reference: string) => (await client.status(reference)).line?.place;
  const places = await Promise.all(['urgent-0', 'single-0'].map(placeOf));
  // Before each is one of each other flow at most: the flood of its own tenant, and the other of the two.
  expect(Math.max(...places.map((place) => place ?? Number.NaN))).toBeLessThanOrEqual(3);
  flow();
  await waitUntil('both at Atlas', () => {
    const kinds = kindsOf(system);
    return kinds.includes('urgent') && kinds.includes('single');
  });
  const next = kindsOf(system).slice(atAtlas);
  // Those that are admitted at once are sent side by side.
  expect(next.indexOf('urgent')).toBeLessThan(3 + LIMIT);
  expect(next.indexOf('single')).toBeLessThan(3 + LIMIT);
});

it('an urgent batch goes ahead of a flood that has room, and that nobody has taken while the worker sends slowly', async () => {
  const system = await startSystem({
    atlas: { completionMs: HOUR_MS },
    environment: { ATLAS_MAX_DOCUMENTS_IN_FLIGHT: '1000', SUBMIT_CONCURRENCY: '4' },
  });
  await system.s3.put('kyc-documents', 'scan.jpg', 'scan');
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'slow', delayMs: 400 }] });
  const count = 200;
  await add(system, 'bulk', count, { priority: 'bulk' });
  await add(system, 'urgent', 1, { priority: 'urgent' });
  await system.startWorker();
  await waitUntil('it at Atlas', () => kindsOf(system).includes('urgent'), INTAKE_TIMEOUT_MS);
  // Those that were sent during the intake.
  expect(kindsOf(system).indexOf('urgent')).toBeLessThan(count / 2);
  system.atlas.clearFaults();
  await waitUntil('all at Atlas', () => kindsOf(system).length === count + 1, INTAKE_TIMEOUT_MS);
});

it('a tenant that has cancelled its flood goes next beside another one that has not', async () => {
  const { system, client } = await startFullAtlas();
  const count = 60;
  for (const tenant of ['a', 'b']) await add(system, tenant, count, { tenant });
  await system.startWorker();
  await allTaken(system);
  const inLine = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const { line } = await client.status(`a-${n}`);
      return line ? [`a-${n}`] : [];
    }),
  );
  for (const reference of inLine.flat()) await client.cancel(reference);
  await allTaken(system);
  await add(system, 'next', 1, { tenant: 'a' });
  await allTaken(system);
  // The other has as many turns before it as are at Atlas for this one.
  expect((await client.status('next-0')).line?.place).toBeLessThanOrEqual(LIMIT + 1);
});

it('bulk batches have their share of Atlas while normal ones never cease to wait', async () => {
  const { system, flow } = await startFullAtlas();
  const count = LONG ? 1000 : 100;
  await add(system, 'bulk', count, { priority: 'bulk' });
  await add(system, 'normal', count, {});
  await system.startWorker();
  await allTaken(system);
  flow();
  const sent = await waitUntil(
    'half of the normal ones at Atlas',
    () => {
      const kinds = kindsOf(system).slice(LIMIT);
      return kinds.filter((kind) => kind === 'normal').length > count / 2 ? kinds : undefined;
    },
    INTAKE_TIMEOUT_MS,
  );
  const share = sent.filter((kind) => kind === 'bulk').length / sent.length;
  // A tenth, by their weights.
  expect(share).toBeGreaterThan(0.01);
  expect(share).toBeLessThan(0.3);
});

it('the halves of an upload that is too large go before those that came behind it', async () => {
  const { system, client, flow } = await startFullAtlas();
  flow();
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 413, times: 1 }] });
  await client.pause();
  await system.startWorker();
  await system.submit('first', LIMIT, 'first-');
  await allTaken(system);
  await add(system, 'flood', 100, {});
  await allTaken(system);
  await client.resume();
  const sent = () => system.atlas.uploads().flatMap(({ documentIds }) => documentIds);
  const isFirst = (id: string) => id.startsWith('first-');
  await waitUntil('all at Atlas', () => sent().length >= 100 + LIMIT);
  // Others had the room that was left to them, and were sent side by side.
  expect(sent().findLastIndex(isFirst)).toBeLessThan(4 * LIMIT);
});

it('the repetition of an upload of which nobody knows keeps no urgent batch waiting', async () => {
  const { system, client } = await startFullAtlas();
  // Its first attempt has most of the room until its share of the deadline is over, so its repetition does not fit.
  system.atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 'reset-before', times: 1 }] });
  await system.startWorker();
  await system.submit('unknown', LIMIT - 1, 'unknown-');
  await waitUntil('the repetition in line', async () => {
    return (await client.status('unknown')).line?.why === 'limit';
  });
  await add(system, 'urgent', 1, { priority: 'urgent' });
  await waitUntil('it at Atlas', () => kindsOf(system).includes('urgent'));
  // It says what takes the room, and until when: half of its hour.
  const unknown = { documents: LIMIT - 1, until: expect.any(String) };
  const { line } = await client.status('unknown');
  expect(line).toMatchObject({ why: 'limit', until: null, unknown });
  const leftMs = Date.parse(line?.unknown?.until ?? '') - Date.now();
  expect(leftMs).toBeGreaterThan(HOUR_MS / 3);
  expect(leftMs).toBeLessThan(HOUR_MS / 2 + 60_000);
  const { stdout } = await runCommand(['status', 'unknown'], system.environment);
  expect(stdout).toContain(
    `nobody knows whether it has ${LIMIT - 1} documents of them, the first of which keep their room until ${line?.unknown?.until}`,
  );
  // Its room is free once its batch has ended.
  await client.cancel('unknown');
  await system.event('done-unknown');
  const keys = [`${system.prefix}:gate-unknown`];
  await waitUntil('nothing unknown', async () => (await system.redis.exists(keys)) === 0);
  expect(await system.redis.hget(`${system.prefix}:gate-state`, 'unknown')).toBe('0');
});
