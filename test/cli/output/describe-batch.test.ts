import { expect, test } from 'vitest';
import type { BatchStatus } from '../../../src/batches/status/status.js';
import type { UploadStatus } from '../../../src/batches/status/upload-status.js';
import { describeStatus } from '../../../src/cli/output/describe-batch.js';
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

test.each([
  [-5, '0.0 s'],
  [3_600, '3.6 s'],
  [59_400, '59 s'],
  [250_000, '4 min 10 s'],
  [7_500_000, '2 h 5 min'],
])('a duration of %i ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
