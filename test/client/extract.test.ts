import fc from 'fast-check';
import { expect, expectTypeOf, test } from 'vitest';
import {
  type DocumentExtract,
  field,
  isOfType,
  parseExtract,
  toDocumentResult,
} from '../../src/client/extract.js';

const AADHAAR = `{"document_type":"AADHAAR",
  "name":{"value":"Aarav Sharma","confidence_score":0.97},
  "date_of_birth":{"value":"16/04/1983"},
  "account_number":{"value":12345678901234567890,"confidence_score":1},
  "validation":{"valid":true},"remark":null}`;

test('a field of an extract is its value and its confidence', () => {
  const extract = parseExtract(AADHAAR);
  expect(field(extract, 'name')).toEqual({ value: 'Aarav Sharma', confidence: 0.97 });
  expect(field(extract, 'date_of_birth')).toEqual({ value: '16/04/1983', confidence: null });
});

test.each(['validation', 'remark', 'document_type', 'absent', 'toString', '__proto__'])(
  '%s is no field of an extract',
  (name) => {
    expect(field(parseExtract(AADHAAR), name)).toBeUndefined();
  },
);

test('a number of an extract that a double would change is a string with every digit', () => {
  expect(field(parseExtract(AADHAAR), 'account_number')?.value).toBe('12345678901234567890');
  const text = String.raw`{"document_type":"X","a":-0.12345678901234567,"b":1.10,"c":100000000000000000000,
    "d":"1234567890123456789 \" 9999999999999999999","e":[1234567890123456789e3],"f":0.000000000000001}`;
  expect(parseExtract(text)).toEqual({
    document_type: 'X',
    a: '-0.12345678901234567',
    b: 1.1,
    c: 100000000000000000000,
    d: '1234567890123456789 " 9999999999999999999',
    e: ['1234567890123456789e3'],
    f: 1e-15,
  });
});

test('a number of an extract that is too large or too small for a double is a string as Atlas wrote it', () => {
  const large = `1${'0'.repeat(400)}`;
  expect(parseExtract(`{"a":${large},"b":1e400,"c":-1E+400,"d":1e-400,"e":12e-323}`)).toEqual({
    ...{ a: large, b: '1e400', c: '-1E+400', d: '1e-400', e: '12e-323' },
  });
  expect(parseExtract('{"a":0e400,"b":0.0e-400,"c":1e300,"d":1e-300}')).toEqual({
    ...{ a: 0, b: 0, c: 1e300, d: 1e-300 },
  });
});

test('an extract without long numbers is parsed as JSON has it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 2 }), (text) => {
      fc.pre(!/[\d.]{16}|[eE][+-]?\d{3}/.test(text));
      expect(parseExtract(text)).toEqual(JSON.parse(text));
    }),
  );
});

test('long digits inside strings of an extract stay, whatever surrounds them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (prefix) => {
      const value = { document_type: 'X', [prefix]: `${prefix}12345678901234567890${prefix}` };
      expect(parseExtract(JSON.stringify(value))).toEqual(value);
    }),
  );
});

// The square of these lengths takes half a minute, and their length a part of a second.
test('an extract is parsed in a time that grows with its length, however odd its text is', {
  timeout: 20_000,
}, () => {
  const zeros = '0'.repeat(200_000);
  const extract = parseExtract(`{"document_type":"PAN","n":1${zeros}1,"f":0.${zeros}1}`);
  expect(extract.n).toBe(`1${zeros}1`);
  expect(() => parseExtract(`1234567890123456 ${'"\\'.repeat(100_000)}`)).toThrow(SyntaxError);
  expect(() => parseExtract(`1234567890123456 "${'\\"'.repeat(100_000)}`)).toThrow(SyntaxError);
});

test('an extract is parsed however many escapes a text in it has', () => {
  const page = '\\n'.repeat(4_000_000);
  const extract = parseExtract(`{"document_type":"PAN","n":12345678901234567890,"text":"${page}"}`);
  expect(extract.n).toBe('12345678901234567890');
  expect(extract.text).toHaveLength(4_000_000);
});

test('a result serialises with its parsed extracts, parsed once', () => {
  const result = toDocumentResult('001', [AADHAAR]);
  expect(result.extracts).toBe(result.extracts);
  expect(JSON.parse(JSON.stringify(result)).extracts[0].document_type).toBe('AADHAAR');
  expect(result.raw).toEqual([AADHAAR]);
});

test('the types of extracts know the documented fields, and stay open', () => {
  const extract: DocumentExtract = parseExtract(AADHAAR);
  expect(isOfType(extract, 'PAN')).toBe(false);
  expect.assertions(3);
  if (isOfType(extract, 'AADHAAR')) {
    expectTypeOf(extract.document_type).toEqualTypeOf<'AADHAAR'>();
    expectTypeOf(field<'AADHAAR'>)
      .parameter(1)
      .extract<'name'>()
      .toEqualTypeOf<'name'>();
    expect(extract.name?.value).toBe('Aarav Sharma');
    expect(field(extract, 'not documented')).toBeUndefined();
  }
});

test('an extract that is null, or no object, has no fields and no type', () => {
  for (const text of ['null', '"text"', '7', '[]']) {
    expect(field(parseExtract(text), 'name')).toBeUndefined();
    expect(isOfType(parseExtract(text), 'PAN')).toBe(false);
  }
});
