import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatOwner, readOwner } from '../../src/jobs/atlas-batch-owner.js';
import { ownerKey } from '../../src/jobs/keys/redis-keys.js';

it('the owner of an Atlas batch is read back as it was written', () => {
  const owners = fc.record({
    reference: fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/),
    timestamp: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  });
  fc.assert(
    fc.property(owners, (owner) => {
      expect(readOwner(formatOwner(owner))).toEqual(owner);
    }),
  );
});

it('an Atlas batch has no owner where there is no value, or one that is none', () => {
  for (const value of [null, '', 'loan-1', '12', '12 ', 'x loan-1']) {
    expect(readOwner(value)).toBeNull();
  }
});

it('the key of an owner names its Atlas batch', () => {
  expect(ownerKey('{atlas}', 'BATCH-1')).toBe('{atlas}:owner:BATCH-1');
});
