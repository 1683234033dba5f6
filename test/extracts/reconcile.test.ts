import { describe, expect, test } from 'vitest';
import { MAX_UNEXPECTED, MAX_UNREADABLE, Reconciliation } from '../../src/extracts/reconcile.js';
import { item } from './page-item.js';

describe('documents', () => {
  test('documents are missing until they have an extract', () => {
    const reconciliation = new Reconciliation(['a', 'b', 'c'], null);
    expect(reconciliation.missing()).toEqual([0, 1, 2]);
    expect(reconciliation.documents()).toEqual([]);

    expect(reconciliation.addPage(1, [item('b')])).toEqual({ added: 1 });

    expect(reconciliation.present).toBe(1);
    expect(reconciliation.missing()).toEqual([0, 2]);
    expect(reconciliation.documents()).toEqual([{ documentId: 'b', extracts: ['{"of":"b"}'] }]);
  });

  test.each([
    ['NFD', 'cafe\u0301', 'caf\u00e9'],
    ['NFC', 'caf\u00e9', 'cafe\u0301'],
  ])(
    'a document sent as %s is present when its id comes back in the other form',
    (_, sent, back) => {
      const reconciliation = new Reconciliation(['a', sent], 'loan');
      reconciliation.addPage(1, [item(`loan/${back}`, '1'), item(`loan/${sent}`, '2')]);
      expect(reconciliation.documents()).toEqual([{ documentId: sent, extracts: ['1', '2'] }]);
      expect([reconciliation.missing(), reconciliation.unexpected()]).toEqual([[0], []]);
    },
  );

  test('a document is present whose id comes back with blanks around it, unless two may be meant', () => {
    const reconciliation = new Reconciliation(['a', 'b', 'b '], null);
    reconciliation.addPage(1, [item('a   ', '1'), item('b ', '2'), item('b  ', '3')]);
    expect(reconciliation.documents()).toEqual([
      { documentId: 'a', extracts: ['1'] },
      { documentId: 'b ', extracts: ['2'] },
    ]);
    expect(reconciliation.unexpected()).toEqual([{ documentId: 'b  ', extracts: ['3'] }]);
  });

  test.each([
    ['in capital letters', 'PAN-\u00c9'],
    ['in small letters', 'pan-\u00e9'],
    ['with a byte order mark and a space of no width', '\ufeffPan-\u200b\u00e9'],
    ['with a soft hyphen, and blanks at its end', 'pan\u00ad-\u00e9  '],
  ])('a document is present whose id comes back %s', (_, back) => {
    for (const scope of [null, 'Loan-1']) {
      const reconciliation = new Reconciliation(['x', 'Pan-\u00e9'], scope);
      reconciliation.addPage(1, [item(scope ? `\u200bLOAN-1/${back}` : back, '1')]);
      expect(reconciliation.documents()).toEqual([{ documentId: 'Pan-\u00e9', extracts: ['1'] }]);
      expect(reconciliation.unexpected()).toEqual([]);
    }
  });

  test('a document is present whose id comes back without the zeros before it, unless two may be meant', () => {
    const reconciliation = new Reconciliation(['001', '02', '002', '000', 'a01'], null);
    const items = ['1', '2', '0', 'a1'].map((id) => item(id, id));
    reconciliation.addPage(1, [...items, item('02', '3')]);
    expect(reconciliation.documents()).toEqual([
      { documentId: '001', extracts: ['1'] },
      { documentId: '02', extracts: ['3'] },
      { documentId: '000', extracts: ['0'] },
    ]);
    expect(reconciliation.unexpected()).toEqual([
      { documentId: '2', extracts: ['2'] },
      { documentId: 'a1', extracts: ['a1'] },
    ]);
  });

  test('an id that could be two in another case is that of neither, and each of them is its own', () => {
    const reconciliation = new Reconciliation(['a1', 'A1', 'b'], null);
    reconciliation.addPage(1, [item('A1', '1'), item('a1', '2'), item('A1\u200b', '3')]);
    reconciliation.addPage(2, [item('a1 ', '4'), item('B', '5')]);
    expect(reconciliation.documents()).toEqual([
      { documentId: 'a1', extracts: ['2', '4'] },
      { documentId: 'A1', extracts: ['1'] },
      { documentId: 'b', extracts: ['5'] },
    ]);
    expect(reconciliation.unexpected()).toEqual([{ documentId: 'A1\u200b', extracts: ['3'] }]);
  });

  test('blanks around an id that travels with its reference are none of it either', () => {
    const reconciliation = new Reconciliation(['a', ' b'], 'loan');
    reconciliation.addPage(1, [item('  loan/a ', '1'), item(' loan/ b', '2'), item('  a', '3')]);
    expect(reconciliation.missing()).toEqual([]);
    expect(reconciliation.unexpected()).toEqual([{ documentId: '  a', extracts: ['3'] }]);
  });

  test('documents come in the order sent, whatever order Atlas has them in', () => {
    const reconciliation = new Reconciliation(['c', 'a', 'b'], null);
    reconciliation.addPage(1, [item('a'), item('b'), item('c')]);
    expect(reconciliation.documents().map(({ documentId }) => documentId)).toEqual(['c', 'a', 'b']);
  });

  test('documents keep several extracts in order, across pages that arrive out of order', () => {
    const reconciliation = new Reconciliation(['a', 'b'], null);
    reconciliation.addPage(3, [item('a', '5')]);
    reconciliation.addPage(1, [item('a', '9'), item('b', '0'), item('a', '2')]);
    reconciliation.addPage(2, [item('a', '7')]);
    expect(reconciliation.documents()).toEqual([
      { documentId: 'a', extracts: ['9', '2', '7', '5'] },
      { documentId: 'b', extracts: ['0'] },
    ]);
  });

  test('extracts keep their text as it came', () => {
    const raw = '{ "account":\t12345678901234567890,\n "rate": 1.10, "a": 1, "a": 2 }';
    const reconciliation = new Reconciliation(['a'], null);
    reconciliation.addPage(1, [item('a', raw)]);
    expect(reconciliation.documents()).toEqual([{ documentId: 'a', extracts: [raw] }]);
  });
});

describe('repeats', () => {
  test('the same extract on two pages counts once and stays where it came first', () => {
    const reconciliation = new Reconciliation(['a', 'b'], null);
    reconciliation.addPage(1, [item('a', '1'), item('b', '2')]);
    expect(reconciliation.addPage(2, [item('b', '2'), item('b', '3')])).toEqual({ added: 1 });
    expect(reconciliation.documents()).toEqual([
      { documentId: 'a', extracts: ['1'] },
      { documentId: 'b', extracts: ['2', '3'] },
    ]);
    expect(reconciliation.extractCount).toBe(3);
    expect(reconciliation.itemCount).toBe(4);
  });

  test('the same extract twice on one page is two extracts', () => {
    const reconciliation = new Reconciliation(['a'], null);
    expect(reconciliation.addPage(1, [item('a', '1'), item('a', '1')])).toEqual({ added: 2 });
    expect(reconciliation.documents()).toEqual([{ documentId: 'a', extracts: ['1', '1'] }]);
  });

  test('a later page with one more of the same adds just that one', () => {
    const reconciliation = new Reconciliation(['a'], null);
    reconciliation.addPage(1, [item('a', '1'), item('a', '2')]);
    expect(reconciliation.addPage(2, [item('a', '1'), item('a', '3'), item('a', '1')])).toEqual({
      added: 2,
    });
    expect(reconciliation.documents()).toEqual([
      { documentId: 'a', extracts: ['1', '2', '3', '1'] },
    ]);
  });

  test('equal texts of two documents are two extracts', () => {
    const reconciliation = new Reconciliation(['a', 'b'], null);
    reconciliation.addPage(1, [item('a', '1')]);
    expect(reconciliation.addPage(2, [item('b', '1')])).toEqual({ added: 1 });
    expect(reconciliation.missing()).toEqual([]);
  });

  test('the same extract that pages write differently is one, as the first page writes it', () => {
    const reconciliation = new Reconciliation(['a'], null);
    const plain = '{"name":"राजेश","city":"Pune","n":1.10}';
    const escaped = `{ "name": "\\u0930\\u093e\\u091c\\u0947\\u0936", "city":"\\u0050une", "n":1.10 }`;
    expect(JSON.parse(escaped)).toEqual(JSON.parse(plain));
    reconciliation.addPage(2, [item('a', plain), item('a', '"last"')]);
    expect(reconciliation.addPage(1, [item('a', '"first"'), item('a', escaped)])).toEqual({
      added: 1,
    });
    expect(reconciliation.documents()).toEqual([
      { documentId: 'a', extracts: ['"first"', escaped, '"last"'] },
    ]);
    const other = new Reconciliation(['a'], null);
    other.addPage(1, [item('a', '"first"'), item('a', plain), item('a', '"last"')]);
    expect(other.digest()).toBe(reconciliation.digest());
  });

  test('extracts whose numbers are written differently are two extracts', () => {
    const reconciliation = new Reconciliation(['a'], null);
    reconciliation.addPage(1, [item('a', '{"n":1.1}')]);
    expect(reconciliation.addPage(2, [item('a', '{"n":1.10}')])).toEqual({ added: 1 });
  });

  test('a page read again adds only what is new', () => {
    const reconciliation = new Reconciliation(['a', 'b'], null);
    reconciliation.addPage(1, [item('a')]);
    expect(reconciliation.addPage(1, [item('a'), item('b')])).toEqual({ added: 1 });
    expect(reconciliation.present).toBe(2);
  });
});

describe('unexpected extracts', () => {
  test('unexpected extracts are kept under the id as it came, and never count as present', () => {
    const reconciliation = new Reconciliation(['a'], null);
    reconciliation.addPage(1, [item('x', '1'), item('a/b', '2'), item('x', '3')]);
    expect(reconciliation.present).toBe(0);
    expect(reconciliation.missing()).toEqual([0]);
    expect(reconciliation.unexpected()).toEqual([
      { documentId: 'x', extracts: ['1', '3'] },
      { documentId: 'a/b', extracts: ['2'] },
    ]);
  });

  test('unexpected extracts come in page order even when pages do not', () => {
    const reconciliation = new Reconciliation([], null);
    reconciliation.addPage(2, [item('late')]);
    reconciliation.addPage(1, [item('early')]);
    expect(reconciliation.unexpected().map(({ documentId }) => documentId)).toEqual([
      'early',
      'late',
    ]);
  });

  test('unexpected extracts beyond what is kept cost none of the present ones, and count', () => {
    const reconciliation = new Reconciliation(['a', 'b'], null);
    const unexpected = Array.from({ length: MAX_UNEXPECTED }, (_, index) => item(`x${index}`));
    reconciliation.addPage(1, [item('a'), ...unexpected]);
    expect(reconciliation.addPage(2, unexpected)).toEqual({ added: 0 });
    const more = ['y', 'z', 'y'].map((id) => item(id));
    expect(reconciliation.addPage(3, [...more, item('b')])).toEqual({ added: 3 });
    expect(reconciliation.addPage(4, [...more, item('b')])).toEqual({ added: 0 });
    expect(reconciliation.missing()).toEqual([]);
    expect(reconciliation.unexpected()).toHaveLength(MAX_UNEXPECTED);
    expect(reconciliation.unexpectedCount).toBe(MAX_UNEXPECTED + 2);
    expect(reconciliation.extractCount).toBe(MAX_UNEXPECTED + 4);
  });

  test('unexpected extracts are kept up to the same number when they all carry one id', () => {
    const reconciliation = new Reconciliation(['a'], null);
    const unexpected = Array.from({ length: MAX_UNEXPECTED + 1 }, (_, n) => item('x', String(n)));
    reconciliation.addPage(1, [...unexpected, item('a')]);
    expect(reconciliation.unexpected()[0]?.extracts).toHaveLength(MAX_UNEXPECTED);
    expect([reconciliation.unexpectedCount, reconciliation.present]).toEqual([
      MAX_UNEXPECTED + 1,
      1,
    ]);
  });
});

describe('scoped ids', () => {
  test('scoped ids are shown to the caller as its own', () => {
    const reconciliation = new Reconciliation(['001', 'loan-1/002'], 'loan-1');
    reconciliation.addPage(1, [item('loan-1/001', '1'), item('loan-1/loan-1/002', '2')]);
    expect(reconciliation.documents()).toEqual([
      { documentId: '001', extracts: ['1'] },
      { documentId: 'loan-1/002', extracts: ['2'] },
    ]);
    expect(reconciliation.missing()).toEqual([]);
  });

  test('scoped ids of another reference, or without any, are unexpected', () => {
    const reconciliation = new Reconciliation(['001'], 'loan-1');
    reconciliation.addPage(1, [item('loan-2/001'), item('001'), item('loan-1001'), item('loan-1')]);
    expect(reconciliation.present).toBe(0);
    expect(reconciliation.unexpected().map(({ documentId }) => documentId)).toEqual([
      'loan-2/001',
      '001',
      'loan-1001',
      'loan-1',
    ]);
  });

  test('scoped ids of our reference that were never sent are unexpected, without the scope', () => {
    const reconciliation = new Reconciliation(['001'], 'loan-1');
    reconciliation.addPage(1, [item('loan-1/009', '9')]);
    expect(reconciliation.unexpected()).toEqual([{ documentId: '009', extracts: ['9'] }]);
  });
});

const HOSTILE_IDS = ['__proto__', 'constructor', 'toString', '', '\u0000', '\n', '\ud800', 'a/b'];

test('hostile document ids are ids like any other', () => {
  const reconciliation = new Reconciliation(HOSTILE_IDS, null);
  expect(reconciliation.missing()).toHaveLength(HOSTILE_IDS.length);
  reconciliation.addPage(
    1,
    HOSTILE_IDS.map((id) => item(id, '{}')),
  );
  expect(reconciliation.documents().map(({ documentId }) => documentId)).toEqual(HOSTILE_IDS);
  expect(reconciliation.unexpected()).toEqual([]);
});

test('items that nobody can read are listed with the own ids of documents, once, and the others count', () => {
  const found = new Reconciliation(['a', 'b'], 'loan-1');
  const unreadable = 'its file_data is null';
  const items = [
    { atlasDocumentId: 'loan-1/a', fileData: null, unreadable },
    { atlasDocumentId: 'loan-1/b', fileData: '{}', unreadable: 'a part was lost' },
    { atlasDocumentId: null, fileData: null, unreadable: 'no id' },
  ];
  expect(found.addPage(2, items)).toEqual({ added: 3 });
  expect(found.addPage(1, items.slice(0, 1))).toEqual({ added: 0 });
  expect(found.unreadable()).toEqual([
    { documentId: 'a', reason: unreadable },
    { documentId: 'b', reason: 'a part was lost' },
    { documentId: null, reason: 'no id' },
  ]);
  expect([found.present, found.missing(), found.itemCount]).toEqual([1, [0], 4]);
  // Else a count of items would say that nothing is new when the item becomes readable.
  expect(found.extractCount).toBe(1);
});

test('items that nobody can read beyond those that are listed are new to the list all the same', () => {
  const found = new Reconciliation(['a'], null);
  const wrong = (n: number) => ({
    ...{ atlasDocumentId: `x${n}`, fileData: null, unreadable: 'its file_data is null' },
  });
  found.addPage(
    1,
    Array.from({ length: MAX_UNREADABLE }, (_, n) => wrong(n)),
  );
  expect(found.addPage(2, [wrong(0), wrong(-1), wrong(-2)])).toEqual({ added: 2 });
  expect(found.addPage(3, [wrong(-1), wrong(0)])).toEqual({ added: 0 });
  expect([found.unreadable().length, found.unreadableCount]).toEqual([
    ...[MAX_UNREADABLE, MAX_UNREADABLE + 2],
  ]);
});
