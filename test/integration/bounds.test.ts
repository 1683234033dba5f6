import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { ReasonCode } from '../../src/errors.js';
import type { AtlasFaultRule } from '../../src/simulator/index.js';
import { batchesEnded } from '../helpers/batches-ended.js';
import { startHostileAtlas } from '../helpers/hostile-atlas.js';
import { expectAllEndedOnce, readResults } from '../helpers/invariants.js';
import { type System, type SystemOptions, startSystem } from '../helpers/system.js';
import type { WorkerProcess } from '../helpers/worker-process.js';

/** Fifty huge answers at once take a slow machine a minute, and must not time out for that. */
const TIMEOUT_MS = 150_000;
const DEADLINE = { BATCH_DEADLINE_MS: '5000', ATLAS_TIMEOUT_MS: '90000' };
/**
 * What a worker may hold of answers: one without bounds dies of it. Its whole memory, with what
 * lies outside of the heap, is measured besides; one that does nothing has 130 MiB.
 */
const HEAP = { NODE_OPTIONS: '--max-old-space-size=256' };
const MAX_RESIDENT_MIB = 600;
/** As many as are polled at once: what each of them holds in memory comes at the same time. */
const BATCHES = 50;

/** The most memory that the process has had, or has now where the system does not tell. */
function residentMib({ pid }: WorkerProcess): number {
  const status = `/proc/${pid}/status`;
  const kib = existsSync(status)
    ? /VmHWM:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1]
    : execFileSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' });
  return Number(kib) / 1024;
}

function expectAliveWithinMemory(worker: WorkerProcess): void {
  expect(worker.hasExited, worker.output()).toBe(false);
  expect(residentMib(worker)).toBeLessThan(MAX_RESIDENT_MIB);
}

async function expectEnds(
  system: System,
  { batches, code, says }: { batches: number; code: ReasonCode; says: string },
): Promise<void> {
  const requests = await Promise.all(
    Array.from({ length: batches }, (_, i) => system.submit(`bound-${i}`, 1, `bound-${i}-`)),
  );
  await batchesEnded(system, batches, TIMEOUT_MS);
  for (const { reference } of requests) {
    const { data } = await system.event(`done-${reference}`);
    expect(data).toMatchObject({
      status: 'failed',
      reason: { code, message: expect.stringContaining(says) },
      results: [],
    });
  }
  await expectAllEndedOnce(system, requests);
}

const FAULTS: { rule: AtlasFaultRule; says: string; options?: SystemOptions }[] = [
  { rule: { endpoint: 'extracts', fault: 'huge-body' }, says: 'too large' },
  { rule: { fault: 'endless' }, says: 'does not end' },
  { rule: { fault: 'foreign-ids', count: 10_000 }, says: 'more than 1000 extracts of documents' },
  {
    rule: { fault: 'foreign-ids', count: 10_000 },
    says: 'more than 1000 extracts of documents',
    options: { atlas: { maxPerPage: 10_000 }, environment: { ATLAS_EXTRACTS_PER_PAGE: '10000' } },
  },
];

it.each(FAULTS)(
  'a worker takes an Atlas of which $says for a transient error, within its memory',
  { timeout: TIMEOUT_MS + 30_000 },
  async ({ rule, says, options }) => {
    const system = await startSystem({
      atlas: { fetchUrls: false, ...options?.atlas },
      environment: { ...DEADLINE, ...options?.environment },
    });
    system.atlas.setFaults({ rules: [rule] });
    const worker = await system.startWorkerProcess(HEAP);
    await expectEnds(system, { batches: BATCHES, code: 'ATLAS_PROTOCOL', says });
    expectAliveWithinMemory(worker);
  },
);

it('a worker takes a list that brings something new for ever for a transient error, within its memory', async () => {
  const system = await startSystem({ environment: DEADLINE });
  let number = 0;
  const url = await startHostileAtlas((documentId, page) => ({
    data: Array.from({ length: 50 }, () => {
      number += 1;
      return { document_id: documentId, file_data: { number, text: 'x'.repeat(4000) } };
    }),
    page,
    has_next: true,
  }));
  const worker = await system.startWorkerProcess({ ...HEAP, ATLAS_BASE_URL: url });
  await expectEnds(system, { batches: BATCHES, code: 'ATLAS_PROTOCOL', says: 'does not end' });
  expectAliveWithinMemory(worker);
});

const ESCAPE = '\u001b[31m';
const CONTROLS = /\p{Cc}/u;

/** Nothing that an operator sees holds a control character. */
async function expectPrintable(system: System, jobId: string): Promise<void> {
  const job = await system.batches.getJob(jobId);
  const { logs } = await system.batches.getJobLogs(jobId);
  const seen = [job?.failedReason ?? '', ...logs];
  expect(seen.join('')).not.toBe('');
  expect(seen.filter((text) => CONTROLS.test(text))).toEqual([]);
}

it.each([
  { where: 'a batch_id', batchId: `B${ESCAPE}`, code: 'AMBIGUOUS_SUBMISSION' },
  { where: 'a document_id', documentId: `D${ESCAPE}`, code: 'ATLAS_PROTOCOL' },
])(
  'a worker does not believe control characters in $where',
  async ({ batchId, documentId, code }) => {
    const system = await startSystem({
      environment: { ...DEADLINE, ON_AMBIGUOUS_SUBMISSION: 'fail' },
    });
    const url = await startHostileAtlas(
      (sent, page) => ({
        data: [{ document_id: documentId ?? sent, file_data: {} }],
        page,
        has_next: false,
      }),
      batchId,
    );
    await system.startWorker({ ATLAS_BASE_URL: url });
    await system.submit('control', 1);
    await batchesEnded(system, 1, TIMEOUT_MS);
    const { data } = await system.event('done-control');
    expect(data).toMatchObject({ reason: { code }, results: [] });
    expect(data.reason?.message).not.toMatch(CONTROLS);
    await expectPrintable(system, 'batch-control');
  },
);

it('results keep control characters that extracts hold', async () => {
  const system = await startSystem();
  const fileData = { name: { value: `A\u0000${ESCAPE}\n\u2028B`, confidence_score: 1 } };
  const url = await startHostileAtlas((documentId, page) => ({
    data: [{ document_id: documentId, file_data: fileData }],
    page,
    has_next: false,
  }));
  await system.startWorker({ ATLAS_BASE_URL: url });
  await system.submit('kept', 1);
  const { data } = await system.event('done-kept');
  expect(data.status).toBe('completed');
  expect(readResults(system, data.results[0] ?? '').documents).toEqual([
    { documentId: '001', extracts: [fileData] },
  ]);
});

it('the faults of a job are named without its control characters', async () => {
  const system = await startSystem();
  const request = await system.request('odd', 1);
  const [document] = request.documents;
  await system.add({
    ...request,
    [ESCAPE]: 1,
    productType: `P${ESCAPE}`,
    documents: [{ ...document, documentId: `1${ESCAPE}`, [`k${ESCAPE}`]: 2 }],
  });
  await system.add({
    reference: 'gone',
    productType: 'LOAN_APP',
    documents: [{ documentId: '1', bucket: 'kyc-documents', key: `gone${ESCAPE}\u2028` }],
  });
  await system.startWorker();
  for (const [reference, code] of [
    ['odd', 'INVALID_JOB'],
    ['gone', 'OBJECT_NOT_FOUND'],
  ] as const) {
    const { data } = await system.event(`done-${reference}`);
    expect(data.reason?.code).toBe(code);
    expect(data.reason?.message).not.toMatch(CONTROLS);
  }
  await batchesEnded(system, 2, TIMEOUT_MS);
  await expectPrintable(system, 'batch-odd');
  await expectPrintable(system, 'batch-gone');
});
