import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { BatchStatus } from '../../../src/batches/status/status.js';
import { barLines } from '../../../src/cli/output/bar-lines.js';
import { describeProgress } from '../../../src/cli/output/describe-batch.js';
import { widthOf } from '../../../src/cli/output/table.js';
import type { ReasonCode } from '../../../src/errors.js';
import type { BatchSummary } from '../../../src/jobs/summary.js';

const NOW = Date.parse('2026-11-23T12:00:00.000Z');
const SCREEN = { columns: 80, rows: 24, now: NOW };

function running(reference: string, present: number, total: number): BatchStatus {
  return {
    reference,
    state: 'processing',
    productType: 'LOAN_APP',
    documents: { total, sent: total, present },
    uploads: [],
    polls: 2,
    nextPollAt: '2026-11-23T12:00:01.500Z',
    submittedAt: null,
    line: null,
    tenant: null,
    priority: 'normal',
    deadline: null,
    lastError: null,
    summary: null,
  };
}

function ended(reference: string, code: ReasonCode = 'INCOMPLETE'): BatchStatus {
  const summary: BatchSummary = {
    eventId: `done-${reference}@mfz3k2c1`,
    reference,
    status: 'failed',
    reason: { code, message: '1 of 5 documents never came: x' },
    productType: 'LOAN_APP',
    batchIds: [],
    documents: { total: 5, sent: 6, present: 4, missing: ['x'] },
    results: [],
    submittedAt: null,
    completedAt: '2026-11-23T12:00:00.000Z',
    polls: 3,
  };
  return { ...running(reference, 4, 5), state: 'failed', nextPollAt: null, summary };
}

const draw = (statuses: BatchStatus[], screen = SCREEN) =>
  barLines(statuses, screen).map(stripVTControlCharacters);

test('the line of a batch has a bar of what is present, and says when the next poll is', () => {
  const [line = ''] = draw([running('loan-8841', 3, 6)]);
  const bar = /[█░]+/.exec(line)?.[0] ?? '';
  expect(bar.replaceAll('░', '')).toHaveLength(bar.length / 2);
  expect(line).toMatch(/^loan-8841 .* 3\/6 {2}processing {2}poll 3 in 1\.5 s$/);
  expect(draw([ended('loan-1')])[0]).toMatch(/4\/5 {2}failed {6}INCOMPLETE$/);
  expect(draw([ended('loan-1', 'CANCELLED')])[0]).toMatch(/4\/5 {2}cancelled {3}CANCELLED$/);
});

test.each([40, 60, 80, 200])(
  'no line of bars is wider than %i columns, as long as words fit',
  (columns) => {
    const lines = draw([running('a', 0, 5), running('b', 5, 5)], { ...SCREEN, columns });
    const widest = Math.max(...lines.map(widthOf));
    expect(widest).toBeLessThanOrEqual(Math.max(columns, 56));
  },
);

test('a hint that has no room beside a bar is cut, and the line does not wrap', () => {
  const failing = running('a-reference-of-thirty-letters', 1000, 10_000);
  const lastError = { code: 'ATLAS_UNAVAILABLE' as const, message: 'no answer' };
  const [line = ''] = draw([{ ...failing, lastError }]);
  expect(line).toMatch(/processing {2}error: ATLAS_U.*…$/);
  expect(widthOf(line)).toBeLessThanOrEqual(80);
});

test('with more batches than rows the screen shows those that run, and how many have ended', () => {
  const statuses = [
    ...Array.from({ length: 30 }, (_, i) => ended(`ended-${i}`)),
    ...Array.from({ length: 5 }, (_, i) => running(`running-${i}`, 1, 5)),
  ];
  const lines = draw(statuses, { ...SCREEN, rows: 10 });
  expect(lines).toHaveLength(9);
  expect(lines.slice(0, 5).every((line) => line.startsWith('running-'))).toBe(true);
  expect(lines.at(-1)).toBe('30 of 35 have ended');
});

test('a line of progress says state, documents, and why it failed', () => {
  expect(describeProgress(running('a', 3, 5))).toBe('processing, 3 of 5 documents, 2 polls');
  expect(describeProgress(ended('a'))).toBe(
    'failed, 4 of 5 documents, 2 polls, INCOMPLETE: 1 of 5 documents never came: x',
  );
});
