import fc from 'fast-check';
import { expect, it } from 'vitest';
import { searchText } from '../../src/batches/lists/search-text.js';

/** What people type, and what every producer writes as it is. */
const PLAIN = [...'abcdefghijklmnopqrstuvwxyz0123456789 ._:-'];
const plain = fc.string({ unit: fc.constantFrom(...PLAIN), minLength: 1 });
const inAnyCase = (text: string, upper: readonly boolean[]) =>
  [...text].map((one, i) => (upper[i] ? one.toUpperCase() : one)).join('');

it('who has a text, in whatever case, has one of its pieces, of which there are at most four', () => {
  fc.assert(
    fc.property(
      ...[plain, fc.array(fc.boolean()), fc.array(fc.boolean()), fc.string(), fc.string()],
      (text, asTyped, asWritten, before, after) => {
        const { pieces } = searchText(inAnyCase(text, asTyped), null);
        const whole = before + inAnyCase(text, asWritten) + after;
        expect(pieces?.some((piece) => whole.includes(piece))).toBe(true);
        expect(pieces?.length).toBeLessThanOrEqual(4);
      },
    ),
  );
});

it('pieces are as long as few ways to write them allow, and none where a producer may write it in another way', () => {
  const piecesOf = (text: string) => searchText(text, null).pieces;
  expect(piecesOf('Loan-8841/1.jpg')).toEqual(['-8841']);
  expect(piecesOf('s3://kyc-documents/8841')).toEqual(['yc-', 'Yc-', 'yC-', 'YC-']);
  expect(piecesOf('nowhere')).toEqual(['no', 'No', 'nO', 'NO']);
  expect(piecesOf('é')).toBeNull();
});
