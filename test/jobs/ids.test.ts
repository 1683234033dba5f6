import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  batchJobId,
  comparableId,
  eventId,
  eventJobId,
  foldedForm,
  invalidEventJobId,
  nthEventJobId,
  pollJobId,
  REFERENCE_PATTERN,
  referenceOfBatchJobId,
} from '../../src/jobs/ids.js';

describe('references', () => {
  it.each(['loan-8841', '8841', 'a', 'A.b_c-d', '..a', 'x'.repeat(128)])(
    'a reference may be %j',
    (reference) => {
      expect(REFERENCE_PATTERN.test(reference)).toBe(true);
      expect(referenceOfBatchJobId(batchJobId(reference))).toBe(reference);
    },
  );

  it.each(['', '.', '...', 'a b', 'a/b', 'a:b', 'ü', 'a\n', 'x'.repeat(129)])(
    'a reference may not be %j',
    (reference) => {
      expect(REFERENCE_PATTERN.test(reference)).toBe(false);
      expect(referenceOfBatchJobId(batchJobId(reference))).toBeNull();
    },
  );

  it('an id that is no id of a batch has no reference', () => {
    expect(referenceOfBatchJobId('42')).toBeNull();
    expect(referenceOfBatchJobId('poll-loan-1')).toBeNull();
  });
});

describe('ids of jobs', () => {
  it('BullMQ takes the ids of jobs made of any batch_id', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (batchId) => {
        const id = pollJobId(batchId);
        expect(id).not.toContain(':');
        expect(id).not.toMatch(/^\d+$/);
      }),
    );
  });

  it('different Atlas batches have poll jobs of different ids', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(pollJobId(a) === pollJobId(b)).toBe(a === b);
      }),
    );
  });

  it('an ordinary batch_id stays readable in the id of its poll job', () => {
    expect(pollJobId('BATCH-30732-SIYKJ-20251121113228')).toBe(
      'poll-BATCH-30732-SIYKJ-20251121113228',
    );
  });
});

describe('ids of events', () => {
  it('the ids of events count later outcomes from two', () => {
    const first = eventJobId('loan-1');
    expect([1, 2, 3].map((n) => nthEventJobId(first, n))).toEqual([
      'done-loan-1',
      'done-loan-1~2',
      'done-loan-1~3',
    ]);
  });

  it('the id of an event is unique when its job id comes again, for the time of the outcome is in it', () => {
    const endedAt = Date.UTC(2026, 10, 23, 12, 1, 10);
    expect(eventId('done-loan-1', endedAt)).toBe(`done-loan-1@${endedAt.toString(36)}`);
    expect(eventId('done-loan-1', endedAt + 1)).not.toBe(eventId('done-loan-1', endedAt));
  });

  it('the event of a job that is no batch has an encoded and bounded id', () => {
    expect(invalidEventJobId('a b:c')).toBe('done-invalid~a%20b%3Ac');
    expect(invalidEventJobId('ü'.repeat(500))).toHaveLength('done-invalid~'.length + 128);
    expect(invalidEventJobId('\ud800')).toBe('done-invalid~%EF%BF%BD');
  });
});

it('what is too long to be an id is compared as it is, for its normal form would take minutes', () => {
  const marks = '\u0301\u0327'.repeat(100_000);
  expect(comparableId(marks)).toBe(marks);
  expect(foldedForm(marks)).toBe(marks.toUpperCase().toLowerCase());
  expect(comparableId('e\u0301')).toBe('\u00e9');
});
