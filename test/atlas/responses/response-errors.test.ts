import { describe, expect, it } from 'vitest';
import { errorFor, ResponseError } from '../../../src/atlas/responses/response-errors.js';
import { rowFor } from '../../../src/atlas/responses/response-table.js';
import { PermanentError, UnknownBatchError } from '../../../src/errors.js';

describe('errorFor', () => {
  it('errorFor makes a refusal of what Atlas refused', () => {
    const error = errorFor(rowFor('multiupload', 422), 'answered 422');
    expect(error).toBeInstanceOf(PermanentError);
    expect(error.message).toBe("Atlas's multiupload answered 422");
  });

  it('errorFor names the batch that Atlas does not know', () => {
    const error = errorFor(rowFor('extracts', 404), 'answered 404', { atlasBatchId: 'B-1' });
    expect(error).toBeInstanceOf(UnknownBatchError);
    expect(error.message).toContain('B-1');
  });

  it.each([
    ['unknown', 'multiupload', 500],
    ['not-taken', 'multiupload', 503],
    ['not-taken', 'multiupload', 401],
    ['not-taken', 'authtoken', 500],
    ['not-taken', 'extracts', 500],
  ] as const)(
    'errorFor makes a transient error, %s, of %s answering %d',
    (taken, endpoint, status) => {
      const error = errorFor(rowFor(endpoint, status), 'x', { retryAfterMs: 7 });
      expect(error).toBeInstanceOf(ResponseError);
      expect(error).toMatchObject({ taken, retryAfterMs: 7 });
    },
  );
});
