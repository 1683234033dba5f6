/** Control characters that Atlas or a request sends: extracts keep them, operators never see them. */
import { expect, it } from 'vitest';
import { batchesEnded } from '../helpers/batches-ended.js';
import { startHostileAtlas } from '../helpers/hostile-atlas.js';
import { readResults } from '../helpers/invariants.js';
import { type System, startSystem } from '../helpers/system.js';

const TIMEOUT_MS = 30_000;
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
  { where: 'a document_id', documentId: `D${ESCAPE}`, code: 'INCOMPLETE' },
])(
  'a worker does not believe control characters in $where',
  async ({ batchId, documentId, code }) => {
    const system = await startSystem({
      environment: { BATCH_DEADLINE_MS: '5000', ON_AMBIGUOUS_SUBMISSION: 'fail' },
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
    expect(data).toMatchObject({ reason: { code }, documents: { present: 0 } });
    for (const uri of data.results) {
      const reason = 'its document_id is not printable text';
      expect(readResults(system, uri)).toMatchObject({
        documents: [],
        unreadable: [{ documentId: null, reason }],
      });
    }
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

it('the issues of a job are named without its control characters', async () => {
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
