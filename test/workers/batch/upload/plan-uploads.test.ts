import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromRanges } from '../../../../src/jobs/index-ranges.js';
import { planUploads } from '../../../../src/workers/batch/upload/plan-uploads.js';
import { deadlinesOf } from '../../../../src/workers/poll/next-poll.js';

describe('uploads of a round', () => {
  it('the uploads of a round hold every document once, in order, and none more than the limit', () => {
    const indexes = fc.uniqueArray(fc.nat({ max: 500 })).map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(indexes, fc.integer({ min: 1, max: 120 }), (list, size) => {
        const uploads = planUploads(list, { round: 1, size, scoped: false });
        const documents = uploads.map((upload) => fromRanges(upload.documentIndexes));
        expect(documents.flat()).toEqual(list);
        for (const upload of documents) expect(upload.length).toBeLessThanOrEqual(size);
        expect(uploads).toHaveLength(Math.ceil(list.length / size));
      }),
    );
  });
});

describe('the share of the deadline', () => {
  it.each([
    [0, 3600, 1, 1800],
    [1800, 3600, 0, 3600],
    [1000, 3000, 1, 2000],
    [4000, 3600, 1, 4000],
  ])(
    'the share of the deadline of an upload sent at %i of %i with %i rounds to come ends at %i',
    (sentAt, deadlineMs, roundsAfter, share) => {
      const upload = { sentAt, batchStartedAt: 0, roundsAfter };
      expect(deadlinesOf(upload, deadlineMs)).toEqual({ share, batch: deadlineMs });
    },
  );
});
