import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_REFERENCES, readCallback } from '../../../src/server/callbacks/read-callback.js';

const page = (...ids: unknown[]) =>
  JSON.stringify({ data: ids.map((document_id) => ({ document_id, file_data: {} })), page: 1 });

it('a callback names batches and documents, divided by the first slash of each id', () => {
  const read = readCallback(page('loan-1/001', 'loan-1/a/b', 'loan-2/001'));
  expect(read).toEqual({
    documentIds: new Map([
      ['loan-1', new Set(['1', 'a/b'])],
      ['loan-2', new Set(['1'])],
    ]),
    unknown: 0,
  });
});

it('the page of a callback may be wrapped in data, as other responses of Atlas may be', () => {
  expect(readCallback(`{"data":${page('loan-1/001')}}`)?.documentIds.size).toBe(1);
});

it.each([
  ['holds a NaN', '{"data":[{"document_id":"loan-1/001","file_data":{"a":NaN}}]}'],
  ['has a comma too many', '{"data":[{"document_id":"loan-1/001"},],}'],
  ['has a warning before it', 'Warning: x {"data":[{"document_id":"loan-1/001"}]}'],
  [
    'is there twice',
    '{"data":[{"document_id":"loan-1/001"}]}{"data":[{"document_id":"loan-1/001"}]}',
  ],
  ['is text in JSON', JSON.stringify('{"data":[{"document_id":"loan-1/001"}]}')],
  ['has one item for a list of one', '{"data":{"document_id":"loan-1/001","file_data":{}}}'],
  ['has the same, wrapped', '{"data":{"data":{"document_id":"loan-1/001"},"page":1}}'],
  ['pads its ids with blanks', '{"data":[{"document_id":"  loan-1/001  ","file_data":{}}]}'],
  [
    'writes its ids in another way',
    '{"data":[{"document_id":"\ufeffloan-1/001\u200b","file_data":{}}]}',
  ],
])('a callback that %s is read as a page of extracts would be', (_, body) => {
  expect(readCallback(body)).toEqual({
    documentIds: new Map([['loan-1', new Set(['1'])]]),
    unknown: 0,
  });
});

it('ids of a callback that name no batch are counted', () => {
  const read = readCallback(page('001', 7, null, '/x', '../x', 'a b/1', '', { a: 1 }));
  expect(read).toEqual({ documentIds: new Map(), unknown: 8 });
});

it('an id of a callback that is longer than any that was sent names nothing', () => {
  const longest = 'x'.repeat(300);
  const read = readCallback(page(`loan-1/${longest}`, `loan-1/${longest}y`, `loan-2/${longest}y`));
  expect(read).toEqual({ documentIds: new Map([['loan-1', new Set([longest])]]), unknown: 2 });
});

// The square of this length takes half a minute, and its length a part of a second.
it('a callback is read in a time that grows with its length, whatever its ids are', {
  timeout: 20_000,
}, () => {
  const zeros = '0'.repeat(200_000);
  const read = readCallback(page(`loan-1/${zeros}x`, `loan-1/${zeros}7`));
  expect(read).toEqual({ documentIds: new Map([['loan-1', new Set(['7'])]]), unknown: 1 });
});

it('a callback names no more than a few batches, however many it holds', () => {
  const read = readCallback(page(...Array.from({ length: 5000 }, (_, i) => `loan-${i}/1`)));
  expect(read?.documentIds.size).toBe(MAX_REFERENCES);
  expect(read?.unknown).toBe(5000 - MAX_REFERENCES);
});

it.each(['', '{', '[]', 'null', '7', '"x"', '{}', '{"data":{}}', '{"data":{"data":{}}}', '<html>'])(
  'a callback with the body %s holds no page',
  (body) => expect(readCallback(body)).toBeNull(),
);

it('any text can be read as a callback, and no reference is made up', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
      for (const reference of readCallback(body)?.documentIds.keys() ?? []) {
        expect(body).toContain(reference);
      }
    }),
    { seed: 20_261_123, numRuns: 2000 },
  );
});
