import { describe, expect, it } from 'vitest';
import { readAccessToken, readBatchId, readExtractsPage } from '../../src/atlas/wire.js';

const CANARY = 'XCANARYX';

function page(change: Record<string, unknown> = {}): string {
  return JSON.stringify({
    data: [{ document_id: '001', file_data: { a: 1 } }],
    page: 1,
    per_page: 50,
    total_pages: 1,
    total_items: 1,
    has_next: false,
    has_prev: false,
    ...change,
  });
}

describe('readAccessToken and readBatchId', () => {
  it.each([
    ['at the top level', '{"access_token":"t","batch_id":"B"}'],
    ['under data', '{"data":{"access_token":"t","batch_id":"B"},"ok":true}'],
  ])('readAccessToken and readBatchId read their value %s', (_, body) => {
    expect(readAccessToken(body)).toEqual({ ok: true, value: 't' });
    expect(readBatchId(body)).toEqual({ ok: true, value: 'B' });
  });

  it('readBatchId takes a safe integer for an id', () => {
    expect(readBatchId('{"batch_id":30732}')).toEqual({ ok: true, value: '30732' });
  });

  it.each([
    '<html>maintenance</html>',
    '{"batch_id":"B',
    '',
    'null',
    '[]',
    '"B"',
    '{}',
    '{"data":null}',
    '{"data":[{"batch_id":"B"}]}',
    '{"batch_id":""}',
    '{"batch_id":"   "}',
    '{"batch_id":30732.5}',
    '{"batch_id":9007199254740993}',
    '{"batch_id":null}',
    '{"batch_id":null,"data":{"batch_id":"B"}}',
    '{"batch_id":"B\\n"}',
    '{"batch_id":"B\\u0000"}',
    '{"batch_id":"\\ud800"}',
    JSON.stringify({ batch_id: 'B'.repeat(201) }),
  ])('readBatchId finds no batch id in %s', (body) => {
    expect(readBatchId(body).ok).toBe(false);
  });

  it('readBatchId takes a batch id of 200 characters', () => {
    expect(readBatchId(JSON.stringify({ batch_id: 'B'.repeat(200) })).ok).toBe(true);
  });

  it.each(['', 'a b', 'a\r\nInjected: 1', 'ä', 't'.repeat(8193), 7])(
    'readAccessToken refuses a token that cannot travel as a header',
    (token) => {
      expect(readAccessToken(JSON.stringify({ access_token: token })).ok).toBe(false);
    },
  );
});

describe('readExtractsPage', () => {
  it('readExtractsPage reads the documented page', () => {
    const body = page();
    expect(readExtractsPage(body, 1)).toEqual({
      ok: true,
      value: {
        extracts: [{ atlasDocumentId: '001', fileData: '{"a":1}' }],
        page: 1,
        perPage: 50,
        totalPages: 1,
        totalItems: 1,
        hasNext: false,
        bytes: body.length,
      },
    });
  });

  it('readExtractsPage reads a page object under data', () => {
    const read = readExtractsPage(`{"success":true,"data":${page()}}`, 1);
    expect(read.ok && read.value.extracts).toEqual([
      { atlasDocumentId: '001', fileData: '{"a":1}' },
    ]);
  });

  it('readExtractsPage keeps several extracts of one document in order', () => {
    const data = [1, 2, 3].map((n) => ({ document_id: '001', file_data: n }));
    const read = readExtractsPage(page({ data }), 1);
    expect(read.ok && read.value.extracts.map((one) => one.fileData)).toEqual(['1', '2', '3']);
  });

  it('readExtractsPage does without the counts', () => {
    const body = page({ per_page: null, total_pages: undefined, total_items: undefined });
    expect(readExtractsPage(body, 1)).toMatchObject({
      ok: true,
      value: { perPage: null, totalPages: null, totalItems: null, hasNext: false },
    });
  });

  it('readExtractsPage takes has_next from total_pages when it is absent', () => {
    const body = (total: number) => page({ has_next: undefined, total_pages: total });
    expect(readExtractsPage(body(2), 1)).toMatchObject({ value: { hasNext: true } });
    expect(readExtractsPage(body(1), 1)).toMatchObject({ value: { hasNext: false } });
  });

  it('readExtractsPage counts bytes, not characters', () => {
    const body = page({ data: [{ document_id: 'अ', file_data: '😀' }] });
    expect(readExtractsPage(body, 1)).toMatchObject({
      ok: true,
      value: { bytes: Buffer.byteLength(body) },
    });
  });

  it.each([
    ['HTML', '<html></html>'],
    ['a truncated page', page().slice(0, -2)],
    ['another page', page({ page: 2 })],
    ['no page number', page({ page: undefined })],
    ['a page number that is text', page({ page: '1' })],
    ['no list', page({ data: undefined })],
    ['a list that is null', page({ data: null })],
    ['an item that is no object', page({ data: [CANARY] })],
    ['an item without a document_id', page({ data: [{ file_data: {} }] })],
    ['a document_id that is a number', page({ data: [{ document_id: 1, file_data: {} }] })],
    ['an empty document_id', page({ data: [{ document_id: '', file_data: {} }] })],
    [
      'a document_id with a control character',
      page({ data: [{ document_id: 'a\u0007', file_data: 1 }] }),
    ],
    [
      'a document_id of 301 characters',
      page({ data: [{ document_id: 'a'.repeat(301), file_data: 1 }] }),
    ],
    ['an item without file_data', page({ data: [{ document_id: '1', [CANARY]: CANARY }] })],
    ['a negative count', page({ total_items: -1 })],
    ['a fractional count', page({ total_pages: 1.5 })],
    ['neither has_next nor total_pages', page({ has_next: undefined, total_pages: undefined })],
    ['a has_next that is text', page({ has_next: CANARY })],
    ['a list on its own', '[]'],
  ])('readExtractsPage finds %s unusable, and says so without a word of it', (_, body) => {
    const read = readExtractsPage(body, 1);
    expect(read.ok).toBe(false);
    expect(!read.ok && read.why).not.toContain(CANARY);
  });
});
