import { expect, it, onTestFinished } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { deniedObjectsKey } from '../../src/jobs/keys/reading-keys.js';
import { DeniedObjects } from '../../src/workers/maintenance/denied-objects.js';
import { type System, startSystem, startTestS3 } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const BUCKET = 'kyc-documents';
const BATCHES = 10;
const SHARED = { bucket: BUCKET, key: 'shared.pdf' };
const DENIED = 'loans/';
/** Twice as long as a permission takes that was just given. */
const LASTING_MS = 20_000;

/** The same objects as a role sees them that may read only some of them. */
async function startNarrowS3(system: System, fault: 'AccessDenied' | 'locked' = 'AccessDenied') {
  const s3 = await startTestS3();
  const refusedAt: number[] = [];
  const match = ({ key }: { key: string }) => {
    const isDenied = key.startsWith(DENIED);
    if (isDenied) refusedAt.push(performance.now());
    return isDenied;
  };
  s3.setFaults({ rules: [{ fault, match }] });
  const add = async (reference: string) => {
    const key = `${DENIED}${reference}.pdf`;
    for (const one of [system.s3, s3]) {
      one.put(BUCKET, SHARED.key, 'scan');
      one.put(BUCKET, key, 'scan');
    }
    const documents = [
      { documentId: `${reference}-1`, ...SHARED },
      { documentId: `${reference}-2`, bucket: BUCKET, key },
    ];
    await system.add({ reference, productType: 'LOAN_APP', documents });
  };
  const deniedForMs = () => (refusedAt.at(-1) ?? 0) - (refusedAt[0] ?? 0);
  return { url: s3.url, add, deniedForMs, refusals: () => refusedAt.length };
}

/** Batches that sleep over a refusal are woken every second: each would double its sleep. */
async function triedUntil(
  { batches }: System,
  what: string,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  const timer = setInterval(() => void batches.promoteJobs().catch(() => {}), 1000);
  try {
    await waitUntil(what, isSo, 60_000);
  } finally {
    clearInterval(timer);
  }
}

/** Batches that a worker with such a role has, while nobody else takes any. */
async function startNarrowWorker(
  system: System,
  narrow: Awaited<ReturnType<typeof startNarrowS3>>,
) {
  const port = randomPort();
  const worker = await system.startWorkerProcess({
    AWS_ENDPOINT_URL_S3: narrow.url,
    WORKER_PORT: `${port}`,
  });
  const references = Array.from({ length: BATCHES }, (_, i) => `b${i}`);
  for (const reference of references) await narrow.add(reference);
  const endAtOthers = async (ended: number) => {
    expect(await system.completions.count()).toBe(ended);
    await system.startWorker();
    const areEnded = async () => (await system.completions.count()) === ended + BATCHES;
    await triedUntil(system, 'the end of all', areEnded);
    for (const reference of references) {
      expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
    }
  };
  return { worker, port, endAtOthers };
}

it('a worker that may read only some objects of a bucket ends no batch while better ones are restarted', {
  timeout: 150_000,
}, async () => {
  const system = await startSystem();
  const narrow = await startNarrowS3(system);
  const good = await system.startWorker();
  await narrow.add('read');
  await system.event('done-read');
  await good.stop();

  const { endAtOthers } = await startNarrowWorker(system, narrow);
  const lasts = () => narrow.deniedForMs() > LASTING_MS;
  await triedUntil(system, 'a denial that lasts', lasts);
  await endAtOthers(1);
});

it.each([
  ['read only some objects of a bucket', 'AccessDenied'],
  ['not use the key of KMS of some objects', 'locked'],
] as const)(
  'a worker that may %s leaves batches to others that are busy, and says so',
  {
    timeout: 150_000,
  },
  async (_, fault) => {
    const system = await startSystem();
    const narrow = await startNarrowS3(system, fault);
    // Another worker, without a place for a batch.
    const { redis, prefix } = system;
    const others = new DeniedObjects({
      redis,
      config: { QUEUE_PREFIX: prefix, S3_ALLOWED_BUCKETS: [BUCKET], RESULTS_BUCKET: 'results' },
      clock: { now: Date.now },
      store: { check: async (_, onVerdict) => onVerdict(0, 'readable') },
    }).start();
    onTestFinished(() => others.stop());

    const { worker, port, endAtOthers } = await startNarrowWorker(system, narrow);
    const said = 'other workers read there what is denied to this one';
    await triedUntil(system, 'the line of the log', () => worker.output().includes(said));
    expect(worker.output()).toMatch(/is not configured for.*403 AccessDenied/);
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
    expect(await ready.json()).toMatchObject({ down: [expect.stringContaining(said)] });
    await endAtOthers(0);
  },
);

it('a batch that was checked before is not sent by a worker that may read only some of its objects', {
  timeout: 150_000,
}, async () => {
  const system = await startSystem();
  const { atlas } = system;
  const narrow = await startNarrowS3(system);
  const good = await system.startWorker();
  atlas.setFaults({ rules: [{ endpoint: 'multiupload', fault: 503 }] });
  await narrow.add('checked');
  await waitUntil('its refusal', () => atlas.requests.count('multiupload', 503) > 0);
  await good.stop();
  atlas.setFaults({ rules: [] });
  const sent = atlas.requests.count('multiupload');

  await system.startWorkerProcess({ AWS_ENDPOINT_URL_S3: narrow.url });
  await triedUntil(system, 'a try', () => narrow.refusals() > 0);
  expect(atlas.requests.count('multiupload')).toBe(sent);
  await system.startWorker();
  const isEnded = async () => (await system.completions.count()) === 1;
  await triedUntil(system, 'its event', isEnded);
  expect((await system.event('done-checked')).data.status).toBe('completed');
});

it('an object that is denied to all workers ends its batch when a second one has said so', {
  timeout: 90_000,
}, async () => {
  const system = await startSystem();
  const isDenied = ({ key }: { key: string }) => key.startsWith(DENIED);
  system.s3.setFaults({ rules: [{ fault: 'AccessDenied', match: isDenied }] });
  const first = await system.startWorker();
  await system.submit('read', 1);
  await system.event('done-read');
  const narrow = await startNarrowS3(system);
  await narrow.add('denied');
  const isAsked = async () => (await system.redis.zcard(deniedObjectsKey(system.prefix))) === 1;
  await waitUntil('a question', isAsked);
  // It has read nothing of the bucket yet, and the other object of the batch was checked.
  const workers = [first, await system.startWorker()];
  // Sooner than the two minutes that one is waited for which says nothing.
  await triedUntil(system, 'its event', async () => (await system.completions.count()) === 2);
  const { data } = await system.event('done-denied');
  expect(data.reason).toMatchObject({
    code: 'OBJECT_UNREADABLE',
    message: expect.stringMatching(/^denied to our role.*: denied-2 \(s3:[^ ]*denied\.pdf\)$/),
  });
  for (const { metrics } of workers) {
    const faults = await metrics.registry.getSingleMetric('atlas_batch_own_faults_total')?.get();
    expect(faults?.values.filter(({ value }) => value > 0)).toEqual([]);
  }
});
