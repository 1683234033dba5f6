import { describe, expect, test } from 'vitest';
import { TransientError } from '../../src/errors.js';
import { MAX_UNEXPECTED, Reconciliation } from '../../src/extracts/reconcile.js';
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

  test('extracts whose texts differ in form only are two extracts', () => {
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

  test(`unexpected extracts are a protocol error beyond ${MAX_UNEXPECTED}`, () => {
    const reconciliation = new Reconciliation(['a'], null);
    const unexpected = Array.from({ length: MAX_UNEXPECTED }, (_, index) => item(`x${index}`));
    reconciliation.addPage(1, unexpected);
    reconciliation.addPage(2, unexpected);
    expect(() => reconciliation.addPage(3, [item('one more')])).toThrow(
      expect.objectContaining({ name: TransientError.name, code: 'ATLAS_PROTOCOL' }),
    );
  });

  test('unexpected extracts are a protocol error too when they all carry one id', () => {
    const reconciliation = new Reconciliation(['a'], null);
    const unexpected = Array.from({ length: MAX_UNEXPECTED + 1 }, (_, n) => item('x', String(n)));
    expect(() => reconciliation.addPage(1, unexpected)).toThrow(TransientError);
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
