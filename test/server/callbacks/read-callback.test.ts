import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_REFERENCES, readCallback } from '../../../src/server/callbacks/read-callback.js';

const page = (...ids: unknown[]) =>
  JSON.stringify({ data: ids.map((document_id) => ({ document_id, file_data: {} })), page: 1 });

it('names the batches and the documents, at a slash only the first of which counts', () => {
  const read = readCallback(page('loan-1/001', 'loan-1/a/b', 'loan-2/001'));
  expect(read).toEqual({
    rings: new Map([
      ['loan-1', new Set(['001', 'a/b'])],
      ['loan-2', new Set(['001'])],
    ]),
    unknown: 0,
  });
});

it('takes a page under data, as Atlas’s other answers may have it', () => {
  expect(readCallback(`{"data":${page('loan-1/001')}}`)?.rings.size).toBe(1);
});

it('counts ids that name no batch', () => {
  const read = readCallback(page('001', 7, null, '/x', '../x', 'a b/1', '', { a: 1 }));
  expect(read).toEqual({ rings: new Map(), unknown: 8 });
});

it('names no more than a few batches, however many a callback holds', () => {
  const read = readCallback(page(...Array.from({ length: 5000 }, (_, i) => `loan-${i}/1`)));
  expect(read?.rings.size).toBe(MAX_REFERENCES);
  expect(read?.unknown).toBe(5000 - MAX_REFERENCES);
});

it.each(['', '{', '[]', 'null', '7', '"x"', '{}', '{"data":{}}', '{"data":{"data":{}}}', '<html>'])(
  'takes %s for no page',
  (body) => expect(readCallback(body)).toBeNull(),
);

it('reads any text without failing, and never makes up a reference', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
      for (const reference of readCallback(body)?.rings.keys() ?? []) {
        expect(body).toContain(reference);
      }
    }),
    { seed: 20_261_123, numRuns: 2000 },
  );
});
