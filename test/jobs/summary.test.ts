import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromRanges, toRanges } from '../../src/jobs/index-ranges.js';
import type { BatchState, Upload } from '../../src/jobs/state/batch-state.js';
import { newBatchState, resultOf } from '../../src/jobs/state/batch-state.js';
import type { PollResult } from '../../src/jobs/state/poll-state.js';
import { missingDocuments, summarize, summarizeInvalid } from '../../src/jobs/summary.js';

/** One that ended; refused when nothing is said of what is missing. */
const upload = (
  documents: string,
  missing: string | null,
  { atlasBatchId }: { atlasBatchId?: string } = {},
): Upload => {
  const plan = { round: 1, documentIndexes: documents, scoped: false, resubmissions: 0 };
  if (missing === null) {
    const reason = { code: 'ATLAS_REJECTED', message: 'no' } as const;
    return { ...plan, state: 'refused', reason, atlasBatchId: atlasBatchId ?? null, result: null };
  }
  const result: PollResult = {
    status: missing === '' ? 'complete' : 'incomplete',
    missing,
    present: 0,
    unexpected: 0,
    unreadable: 0,
    polls: 2,
    stored: true,
    endedAt: 0,
  };
  const sent = { atlasBatchId: atlasBatchId ?? 'BATCH-0', sentAt: 0, expectedPollRuns: 1 };
  return { ...plan, ...sent, state: 'ended', result };
};
const stateOf = (...uploads: Upload[]): BatchState => ({ ...newBatchState(0, 0), uploads });

describe('missing documents', () => {
  it('the missing documents are those that no upload brought', () => {
    expect(missingDocuments(5, stateOf(upload('0-2', '1'), upload('3-4', '')))).toEqual([1]);
  });

  it('the missing documents are all of them before anything was sent', () => {
    expect(missingDocuments(3, stateOf())).toEqual([0, 1, 2]);
  });

  it('a missing document is found in a later round', () => {
    expect(missingDocuments(3, stateOf(upload('0-2', '1-2'), upload('1-2', '2')))).toEqual([2]);
  });

  it('the documents of a refused upload count as missing', () => {
    expect(missingDocuments(2, stateOf(upload('0', ''), upload('1', null)))).toEqual([1]);
  });

  it('present and missing documents are all documents, whatever the uploads', () => {
    const uploads = fc.array(
      fc
        .tuple(fc.array(fc.nat({ max: 19 })), fc.array(fc.nat({ max: 19 })))
        .map(([sent, missing]) =>
          upload(toRanges(sent), toRanges(missing.filter((index) => sent.includes(index)))),
        ),
    );
    fc.assert(
      fc.property(uploads, (list) => {
        const missing = new Set(missingDocuments(20, stateOf(...list)));
        const brought = new Set(
          list.flatMap((one) => {
            const absent = new Set(fromRanges(resultOf(one)?.missing ?? ''));
            return fromRanges(one.documentIndexes).filter((index) => !absent.has(index));
          }),
        );
        expect(missing.size + brought.size).toBe(20);
        for (const index of brought) expect(missing.has(index)).toBe(false);
      }),
    );
  });
});

describe('the summary', () => {
  const request = {
    reference: 'loan-1',
    productType: 'LOAN_APP',
    documents: ['a', 'b', 'c'].map((documentId) => ({
      documentId,
      bucket: 'kyc',
      key: documentId,
    })),
  };
  const outcome = {
    status: 'completed' as const,
    eventId: 'done-loan-1@mfz3k2c1',
    eventJobId: 'done-loan-1',
    attemptsMade: 0,
    endedAt: Date.UTC(2026, 10, 23, 12, 1, 10),
    resultsRoot: 's3://results/',
    announced: false,
  };
  const uriOf = (atlasBatchId: string) => `s3://results/loan-1/${atlasBatchId}.json`;

  it('the summary has the shape of the contract', () => {
    const state = stateOf(upload('0-2', '', { atlasBatchId: 'B-1' }));
    state.submittedAt = Date.UTC(2026, 10, 23, 12);
    expect(summarize(request, { ...state, outcome }, uriOf)).toEqual({
      eventId: 'done-loan-1@mfz3k2c1',
      reference: 'loan-1',
      status: 'completed',
      productType: 'LOAN_APP',
      batchIds: ['B-1'],
      documents: { total: 3, sent: 0, present: 3, missing: [] },
      results: ['s3://results/loan-1/B-1.json'],
      submittedAt: '2026-11-23T12:00:00.000Z',
      completedAt: '2026-11-23T12:01:10.000Z',
      polls: 2,
    });
  });

  it('the summary of a failure has its reason and whatever was obtained', () => {
    const state = stateOf(
      upload('0-1', '1', { atlasBatchId: 'B-1' }),
      upload('2', null, { atlasBatchId: 'B-2' }),
    );
    const reason = { code: 'INCOMPLETE' as const, message: '2 of 3 documents never came' };
    const summary = summarize(
      request,
      { ...state, outcome: { ...outcome, status: 'failed', reason } },
      uriOf,
    );
    expect(summary).toMatchObject({
      status: 'failed',
      reason,
      batchIds: ['B-1', 'B-2'],
      documents: { total: 3, sent: 0, present: 1, missing: ['b', 'c'] },
      results: ['s3://results/loan-1/B-1.json'],
      submittedAt: null,
    });
  });

  it('the summary counts an Atlas batch once that two uploads share', () => {
    const state = stateOf(
      upload('0-2', '2', { atlasBatchId: 'B-1' }),
      upload('2', '', { atlasBatchId: 'B-1' }),
    );
    const summary = summarize(request, { ...state, outcome }, uriOf);
    expect(summary.batchIds).toEqual(['B-1']);
    expect(summary.results).toHaveLength(1);
    expect(summary.polls).toBe(2);
  });

  it.each([[null], ['text'], [{ documents: 'none' }], [undefined]])(
    'the summary of a job with data %j repeats nothing that does not exist',
    (data) => {
      const reason = { code: 'INVALID_JOB' as const, message: 'the data must be an object' };
      const state = { ...stateOf(), outcome: { ...outcome, status: 'failed' as const, reason } };
      expect(summarizeInvalid(data, state, null)).toEqual({
        eventId: outcome.eventId,
        reference: null,
        status: 'failed',
        reason,
        productType: null,
        batchIds: [],
        documents: { total: 0, sent: 0, present: 0, missing: [] },
        results: [],
        submittedAt: null,
        completedAt: '2026-11-23T12:01:10.000Z',
        polls: 0,
      });
    },
  );
});
