import { describe, expect, it } from 'vitest';
import {
  readAccessToken,
  readBatchId,
  readExtractsPage,
} from '../../../src/atlas/responses/wire.js';

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
    [
      'under data, where null stands at the top level',
      '{"access_token":null,"batch_id":null,"error":null,"data":{"access_token":"t","batch_id":"B"}}',
    ],
  ])('readAccessToken and readBatchId read their value %s', (_, body) => {
    expect(readAccessToken(body)).toEqual({ ok: true, value: 't' });
    expect(readBatchId(body)).toEqual({ ok: true, value: 'B' });
  });

  it.each(['30732', '0', '9007199254740993', '123456789012345678901234567890'])(
    'readBatchId takes the whole number %s for an id, digit by digit',
    (number) => {
      const value = { ok: true, value: number };
      expect(readBatchId(`{"batch_id":${number}}`)).toEqual(value);
      expect(readBatchId(`{"ok":1,"data":{"x":{"batch_id":2},"batch_id": ${number} }}`)).toEqual(
        value,
      );
      expect(readBatchId(`{"batch_id":1,"batch_id":${number}}`)).toEqual(value);
      expect(readBatchId(`{"data":{"batch_id":${number}},"batch_id":null}`)).toEqual(value);
      expect(readBatchId(`{"batch_id":${number},"data":{"batch_id":9007199254740999}}`)).toEqual(
        value,
      );
    },
  );

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
    `{"batch_id":${'9'.repeat(201)}}`,
    '{"batch_id":1e300}',
    '{"batch_id":"B"}{"batch_id":"C"}',
    'Warning {"batch_id":"B"',
    '"{}"',
    '{"batch_id":null}',
    '{"batch_id":"","data":{"batch_id":"B"}}',
    '{"batch_id":"B\\nC"}',
    '{"batch_id":"None"}',
    '{"batch_id":"null"}',
    '{"batch_id":["B"]}',
    '{"batch_id":"B\\u0000"}',
    '{"batch_id":"\\ud800"}',
    JSON.stringify({ batch_id: 'B'.repeat(201) }),
  ])('readBatchId finds no batch id in %s', (body) => {
    expect(readBatchId(body).ok).toBe(false);
  });

  it('readBatchId takes a batch id of 200 characters', () => {
    expect(readBatchId(JSON.stringify({ batch_id: 'B'.repeat(200) })).ok).toBe(true);
  });

  it('readBatchId and readAccessToken drop the blanks around a text', () => {
    expect(readBatchId('{"batch_id":" BATCH-1\\r\\n"}')).toEqual({ ok: true, value: 'BATCH-1' });
    expect(readAccessToken('{"access_token":"\\tBearer t \\n"}')).toEqual({
      ok: true,
      value: 'Bearer t',
    });
  });

  it.each(['"soon"', '-1', '0', 'null', '[]', '1e308'])(
    'readAccessToken reads a token that expires in %s',
    (expires) => {
      const body = `{"access_token":"t","expires_in":${expires},"token_type":7}`;
      expect(readAccessToken(body)).toEqual({ ok: true, value: 't' });
    },
  );

  it('readAccessToken takes a safe integer for a token', () => {
    expect(readAccessToken('{"access_token":7}')).toEqual({ ok: true, value: '7' });
  });

  it.each([
    ...['', '  ', 'a\r\nInjected: 1', 'ä', 't'.repeat(8193), 7.5, true, ['t']],
    // What a template makes of no value is no token: Atlas's refusal of it would say that of our credentials.
    ...['null', 'undefined', 'None'],
  ])('readAccessToken refuses a token that cannot travel as a header', (token) => {
    expect(readAccessToken(JSON.stringify({ access_token: token })).ok).toBe(false);
  });
});

describe('readExtractsPage', () => {
  it('readExtractsPage reads the documented page', () => {
    const body = page();
    expect(readExtractsPage(body, 1)).toEqual({
      ok: true,
      value: {
        items: [{ atlasDocumentId: '001', fileData: '{"a":1}' }],
        page: 1,
        saidPage: 1,
        perPage: 50,
        totalPages: 1,
        totalItems: 1,
        hasNext: false,
        hasPrev: false,
      },
    });
  });

  it('readExtractsPage takes a page that is numbered from 0 where the first one was', () => {
    const isRead = (said: number, asked: number, saidOfFirst: number | null) =>
      readExtractsPage(page({ page: said }), asked, { saidOfFirst }).ok;
    expect([isRead(0, 1, null), isRead(1, 2, 0), isRead(2, 3, 0)]).toEqual([true, true, true]);
    expect([isRead(1, 2, 1), isRead(1, 2, null), isRead(3, 2, 0)]).toEqual([false, false, false]);
  });

  it('readExtractsPage reads a page object under data', () => {
    const read = readExtractsPage(`{"success":true,"data":${page()}}`, 1);
    expect(read.ok && read.value.items).toEqual([{ atlasDocumentId: '001', fileData: '{"a":1}' }]);
  });

  it('readExtractsPage keeps several extracts of one document in order', () => {
    const data = [1, 2, 3].map((n) => ({ document_id: '001', file_data: { n } }));
    const read = readExtractsPage(page({ data }), 1);
    expect(read.ok && read.value.items.map((one) => one.fileData)).toEqual([
      '{"n":1}',
      '{"n":2}',
      '{"n":3}',
    ]);
  });

  it('readExtractsPage does without the counts', () => {
    const body = page({ per_page: null, total_pages: undefined, total_items: undefined });
    expect(readExtractsPage(body, 1)).toMatchObject({
      ok: true,
      value: { perPage: null, totalPages: null, totalItems: null, hasNext: false },
    });
  });

  it.each([
    ...['', ' ', 'null', '[]', '{}', '{"data":null}', '{"total_items":0}'],
    ...['{"status":"PROCESSING"}', '{"state":"in_progress"}', '{"status":"Not ready"}'],
    ...['{"message":"x","status":"queued","progress":40}', '{"data":{"status":"pending"}}'],
  ])('readExtractsPage takes %j for a page of which nothing is ready', (body) => {
    expect(readExtractsPage(body, 1)).toMatchObject({
      ok: true,
      value: { items: [], page: 1, totalItems: 0, hasNext: false },
    });
  });

  it.each([
    ...['{"status":"failed"}', '{"status":"completed"}', '{"status":200}', '{"error":"pending"}'],
    ...['{"results":[]}', '[1]', '7', '"processing"', '{"data":"pending","status":"pending"}'],
    ...['{"total_items":5,"status":"pending"}'],
  ])('readExtractsPage takes %j for no page', (body) => {
    expect(readExtractsPage(body, 1).ok).toBe(false);
  });

  it('readExtractsPage takes an id that is a number, and the other items of a page with a bad one', () => {
    const bad = [
      CANARY,
      null,
      [],
      { file_data: {} },
      { document_id: '', file_data: {} },
      { document_id: 'a\u0007', file_data: {} },
      { document_id: 'a'.repeat(301), file_data: {} },
      { document_id: 1.5, file_data: {} },
      { document_id: '1', [CANARY]: CANARY },
      { document_id: '1', file_data: null },
      { document_id: '1', file_data: {} },
      { document_id: '1', file_data: [] },
      { document_id: '1', file_data: ' ' },
    ];
    const data = [
      ...bad,
      { document_id: 17, file_data: { n: 1 } },
      { document_id: '2', file_data: { n: 2 } },
    ];
    const read = readExtractsPage(page({ data }), 1);
    const items = read.ok ? read.value.items : [];
    expect(items.slice(bad.length)).toEqual([
      { atlasDocumentId: '17', fileData: '{"n":1}' },
      { atlasDocumentId: '2', fileData: '{"n":2}' },
    ]);
    for (const item of items.slice(0, bad.length)) {
      expect(item).toMatchObject({ fileData: null, unreadable: expect.any(String) });
    }
    expect(JSON.stringify(items)).not.toContain(CANARY);
    expect(items.map((item) => item.atlasDocumentId).slice(0, bad.length)).toEqual([
      ...Array<null>(8).fill(null),
      ...['1', '1', '1', '1', '1'],
    ]);
  });

  it.each(['0', '{}', '{"document_id":[]}'])(
    'readExtractsPage reads a megabyte of items %s before the lock of its job is lost',
    (item) => {
      const count = Math.floor(1_000_000 / (item.length + 1));
      const read = readExtractsPage(`{"data":[${Array(count).fill(item).join(',')}]}`, 1);
      expect(read.ok && read.value.items.length).toBe(count);
      expect(read.ok && read.value.items[0]?.atlasDocumentId).toBe(null);
    },
  );

  it.each(['001\r\n', '\t001', '\n 001 \f'])(
    'readExtractsPage reads an id that has the end of its line with it: %j',
    (id) => {
      const body = page({ data: [{ document_id: id, file_data: { n: 1 } }] });
      expect(readExtractsPage(body, 1)).toMatchObject({
        value: { items: [{ atlasDocumentId: '001', fileData: '{"n":1}' }] },
      });
    },
  );

  it('readExtractsPage takes ids that are numbers of any length digit by digit, each for its item', () => {
    const item = (id: string) => `{"document_id":${id},"file_data":1}`;
    const ids = ['9007199254740993', '7', '"8"', '12345678901234567890'];
    const read = readExtractsPage(`{"data":[${ids.map(item).join(',')}]}`, 1);
    expect(read.ok && read.value.items.map((one) => one.atlasDocumentId)).toEqual([
      ...['9007199254740993', '7', '8', '12345678901234567890'],
    ]);
    const repeated = '{"data":[{"document_id":9007199254740993,"document_id":"9","file_data":1}]}';
    expect(readExtractsPage(repeated, 1)).toMatchObject({
      value: { items: [{ atlasDocumentId: '9' }] },
    });
  });

  it('readExtractsPage makes null of what is no number, notes it, and leaves all else as it came', () => {
    const body =
      '{"data":[{"document_id":"1","file_data":{"NaN":"NaN, -Infinity","a":[NaN,-Infinity ,1.10]}},' +
      '{"document_id":"2","file_data":{"a":12345678901234567890}},{"document_id":"3","file_data":NaN}],' +
      '"page":1,"total_items":NaN,"has_next":false}';
    expect(readExtractsPage(body, 1)).toMatchObject({
      value: {
        totalItems: null,
        items: [
          {
            fileData: '{"NaN":"NaN, -Infinity","a":[null,null ,1.10]}',
            unreadable: expect.stringContaining('NaN'),
          },
          { atlasDocumentId: '2', fileData: '{"a":12345678901234567890}' },
          { atlasDocumentId: '3', fileData: null },
        ],
      },
    });
  });

  it.each(['{"data":[NaN', '{"data":["NaN', 'NaN,', '{"a":NaN}}'])(
    'readExtractsPage finds %s unusable',
    (body) => {
      expect(readExtractsPage(body, 1).ok).toBe(false);
    },
  );

  it.each([
    ['in place of a list', (item: string) => `{"page":1,"data":${item},"total_items":1}`],
    ['under data', (item: string) => `{"data":{"data":${item},"total_items":1}}`],
  ])('readExtractsPage takes an item %s for a list of one', (_, bodyOf) => {
    const body = bodyOf('{"note":{"file_data":2},"document_id":"1","file_data":{"a":1.10}}');
    expect(readExtractsPage(body, 1)).toMatchObject({
      value: { items: [{ atlasDocumentId: '1', fileData: '{"a":1.10}' }], totalItems: 1 },
    });
  });

  it('readExtractsPage notes letters that may be wrong, and keeps the item', () => {
    const data = [
      { document_id: 'é', file_data: { name: 'plain' } },
      { document_id: '2', file_data: { name: 'Zoë' } },
    ];
    const read = readExtractsPage(page({ data }), 1, { guessed: true });
    expect(read.ok && read.value.items).toEqual([
      { atlasDocumentId: 'é', fileData: '{"name":"plain"}' },
      {
        atlasDocumentId: '2',
        fileData: '{"name":"Zoë"}',
        unreadable: expect.stringContaining('UTF-8'),
      },
    ]);
  });

  it.each([
    [200, ''],
    [200, '{"data":null}'],
    [200, '{"data":{"data":null,"page":1}}'],
    [200, '{"data":{},"total_items":0,"has_next":false}'],
    [200, '{"page":1,"per_page":50,"total_items":0}'],
    [200, '{"success":true,"data":{"total_items":"0"}}'],
    [200, '{"data":{"data":{},"total_items":0,"has_next":false}}'],
    [202, '{"status":"processing"}'],
    [202, 'accepted'],
  ])('readExtractsPage takes a %i with the body %j for an empty page', (status, body) => {
    expect(readExtractsPage(body, 3, { status })).toMatchObject({
      value: { items: [], page: 3, totalItems: 0, hasNext: false },
    });
  });

  it.each([
    [
      { total_items: '5', total_pages: ' 2 ', per_page: '3.0', page: '1', has_next: 'False' },
      [5, 2, 3, false],
    ],
    [
      { total_items: 5.5, total_pages: -1, per_page: 0, page: -3, has_next: 'later' },
      [null, null, null, null],
    ],
    [
      { total_items: '5 items', total_pages: 1e300, per_page: [], page: {}, has_next: 0 },
      [null, null, null, false],
    ],
    [
      { total_items: 5, total_pages: null, per_page: 2, page: null, has_next: null },
      [5, null, 2, null],
    ],
  ])(
    'readExtractsPage converts what is unambiguous in %j and ignores what makes no sense',
    (change, expected) => {
      const read = readExtractsPage(page(change), 1);
      if (!read.ok) throw new Error(read.why);
      const { totalItems, totalPages, perPage, hasNext } = read.value;
      expect([totalItems, totalPages, perPage, hasNext]).toEqual(expected);
    },
  );

  it.each([
    ['HTML', '<html></html>'],
    ['a truncated page', page().slice(0, -2)],
    ['another page', page({ page: 2 })],
    ['another page, as text', page({ page: '2' })],
    ['no list', page({ data: undefined })],
    ['a list that is text', page({ data: CANARY })],
    ['a list on its own', `[${page()}]`],
    ['an object of something else', JSON.stringify({ status: CANARY })],
  ])('readExtractsPage finds %s unusable, and says so without a word of it', (_, body) => {
    const read = readExtractsPage(body, 1);
    expect(read.ok).toBe(false);
    expect(!read.ok && read.why).not.toContain(CANARY);
  });
});

it('a page of more items than anybody asked for says that, and not that it is no JSON', () => {
  const body = `{"data":[${'{"document_id":"a"},'.repeat(101_000)}{}]}`;
  expect(readExtractsPage(body, 1)).toEqual({ ok: false, why: 'it has more than 200000 values' });
});
