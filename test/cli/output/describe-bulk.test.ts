import { expect, test } from 'vitest';
import type { BulkPreview } from '../../../src/batches/bulk/preview.js';
import { describePreview } from '../../../src/cli/output/describe-bulk.js';

const WHOLE: BulkPreview = {
  ...{ action: 'cancel', batches: 3, leftOut: 0, atlasBatches: 2, documents: 0, isWhole: true },
};

test('what it will cost is said with at least, and nothing is not said to fit, where not all were searched', () => {
  const inWords = (change: Partial<BulkPreview>) => describePreview({ ...WHOLE, ...change });
  expect(inWords({})).toBe('3 batches: 2 Atlas batches are polled no more');
  expect(inWords({ isWhole: false })).toBe(
    'at least 3 batches: 2 Atlas batches are polled no more',
  );
  expect(inWords({ batches: 0 })).toBe('no batch fits');
  expect(inWords({ batches: 0, isWhole: false })).toBe(
    'no batch was found that fits, but not all were searched',
  );
});
