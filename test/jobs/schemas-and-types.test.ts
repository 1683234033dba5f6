import { expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import type { BatchRequest, batchRequestSchema } from '../../src/jobs/request/request.js';
import type { summarySchema } from '../../src/jobs/schemas.js';
import type { BatchSummary } from '../../src/jobs/summary.js';

// Checked by the compiler: `npm run check`.
test('the schema of a request and its type say the same', () => {
  expectTypeOf<z.infer<typeof batchRequestSchema>>().toEqualTypeOf<BatchRequest>();
});

test('the schema of a summary and its type say the same', () => {
  expectTypeOf<z.infer<typeof summarySchema>>().toEqualTypeOf<BatchSummary>();
});
