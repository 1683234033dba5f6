import { expect, test } from 'vitest';
import type { BatchStatus } from '../../../src/batches/status/status.js';
import type { UploadStatus } from '../../../src/batches/status/upload-status.js';
import { barLines } from '../../../src/cli/output/bar-lines.js';
import { describeProgress, describeStatus } from '../../../src/cli/output/describe-batch.js';
import { describeList } from '../../../src/cli/output/describe-list.js';
import { describeAdded } from '../../../src/cli/output/describe-submission.js';
import { duration } from '../../../src/duration.js';

const NOW = Date.parse('2026-11-23T12:05:00.000Z');

function upload(index: number, result: UploadStatus['result']): UploadStatus {
  return {
    state: result === null ? 'sent' : 'ended',
    round: 1,
    atlasBatchId: `BATCH-${index}`,
    documents: { total: 100, present: result === null ? 3 : 100 },
    polls: 1,
    nextPollAt: null,
    result,
    reason: null,
  };
}

const LARGE: BatchStatus = {
  reference: 'archive',
  state: 'processing',
  productType: 'LOAN_APP',
  tenant: 'archive',
  priority: 'bulk',
  documents: { total: 10_000, sent: 10_000, present: 9_900 },
  uploads: Array.from({ length: 100 }, (_, i) => upload(i, i === 57 ? null : 'complete')),
  polls: 200,
  nextPollAt: null,
  submittedAt: '2026-11-23T12:00:30.000Z',
  line: null,
  deadline: null,
  lastError: null,
  summary: null,
};

test('the status of a hundred uploads is short, and has first what is not complete', () => {
  const lines = describeStatus(LARGE, NOW);
  expect(lines.filter((line) => line.startsWith('  upload'))).toHaveLength(10);
  expect(lines[1]).toBe('  priority   bulk, tenant archive');
  expect(lines[4]).toBe('  upload     BATCH-57  round 1  3 of 100  sent');
  expect(lines.slice(-2)).toEqual([
    '             … 90 more uploads; status --all shows them',
    '  submitted  2026-11-23T12:00:30.000Z, 4 min 30 s ago',
  ]);
  expect(describeStatus(LARGE, NOW, { all: true })).toHaveLength(105);
});

test('counts of thousands are told in groups of digits, wherever a person reads them', () => {
  const one = { ...LARGE, polls: 12_345 };
  expect(describeStatus(one, NOW).slice(2, 4)).toEqual([
    '  documents  9,900 of 10,000 present, 10,000 sent',
    '  polls      12,345',
  ]);
  expect(describeProgress(one)).toBe(
    'processing, 9,900 of 10,000 documents, 100 uploads, 12,345 polls',
  );
  expect(barLines([one], { columns: 80, rows: 24, now: NOW })[0]).toContain(' 9,900/10,000 ');
  const { productType, tenant, documents } = one;
  const facts = { reference: 'a', jobId: 'batch-a', state: 'processing' as const, productType };
  const rest = { tenant, documents, addedAt: '2026-11-23T12:00:00Z', endedAt: null, line: null };
  const listed = { ...facts, ...rest, reason: null, lastError: null };
  expect(describeList([listed as never], NOW)[1]).toContain(' 9,900/10,000 ');
  const known = { status: 'duplicate' as const, reference: 'a' };
  expect(describeAdded(Array.from({ length: 1234 }, () => known))).toEqual(['1,234 known already']);
});

test.each([
  [-5, '0.0 s'],
  [3_600, '3.6 s'],
  [59_400, '59 s'],
  [250_000, '4 min 10 s'],
  [7_500_000, '2 h 5 min'],
])('a duration of %i ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
