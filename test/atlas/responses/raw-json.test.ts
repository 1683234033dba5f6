import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRawPage } from '../../../src/atlas/responses/raw-json.js';

describe('parseRawPage', () => {
  it('parseRawPage keeps numbers as they were sent', () => {
    const text =
      '{"data":[{"document_id":"1","file_data":{"n": 12345678901234567890, "x":1.10, "e":-0.0E+2}}]}';
    expect(parseRawPage(text).fileData).toEqual([
      '{"n": 12345678901234567890, "x":1.10, "e":-0.0E+2}',
    ]);
  });

  it.each([
    ['an object', '{"a":[1,{"b":"}]"}]}'],
    ['a list', '[1,[2,"]"],{}]'],
    ['an empty object', '{}'],
    ['a string', '"x"'],
    ['an empty string', '""'],
    ['a string with quotes and backslashes', String.raw`"a\"b\\"`],
    ['a string that ends in backslashes', String.raw`"\\\\"`],
    ['unicode, escaped and plain', String.raw`"\u0905\ud83d\ude00अ😀"`],
    ['a number', '-1.50e+07'],
    ['true', 'true'],
    ['null', 'null'],
  ])(
    'parseRawPage slices file_data that is %s, at the end and in the middle of an item',
    (_, value) => {
      const text = `{"data":[{"file_data":${value}},{"file_data":${value},"z":0},{"file_data": ${value} }]}`;
      expect(parseRawPage(text).fileData).toEqual([value, value, value]);
    },
  );

  it('parseRawPage finds the list under data.data, whatever stands around it', () => {
    const text =
      ' {"x":{"data":[9]}, "data" : {"page":1,"data":\n[ {"file_data" : 1} ], "y":[]} } ';
    expect(parseRawPage(text).fileData).toEqual(['1']);
  });

  it('parseRawPage does not take file_data from deeper inside an item', () => {
    const text = '{"data":[{"other":{"file_data":1}},{"file_data":{"file_data":2}},3,"file_data"]}';
    expect(parseRawPage(text).fileData).toEqual([
      undefined,
      '{"file_data":2}',
      undefined,
      undefined,
    ]);
  });

  it('parseRawPage lets the last of repeated keys count, as JSON.parse does', () => {
    const text =
      '{"data":[{"file_data":0}],"data":[{"file_data":1,"file_data":2},{"file_data":3}]}';
    expect(parseRawPage(text).fileData).toEqual(['2', '3']);
    expect(parseRawPage('{"data":[{"file_data":0}],"data":5}').fileData).toEqual([]);
    expect(parseRawPage('{"data":{"data":[{"file_data":0}],"data":7}}').fileData).toEqual([]);
  });

  it('parseRawPage knows a key that is written with escapes', () => {
    const text = String.raw`{"d\u0061ta":[{"file\u005fdata":7}]}`;
    expect(parseRawPage(text).fileData).toEqual(['7']);
  });

  it('parseRawPage does not take keys with quotes in them for its own', () => {
    const text = String.raw`{"data":[{"\"file_data":1,"file_data\\":2,"file_data":3}]}`;
    expect(parseRawPage(text).fileData).toEqual(['3']);
  });

  it.each(['[]', '1', '"data"', 'null', '{}', '{"data":null}'])(
    'parseRawPage gives no slices for %s',
    (text) => {
      expect(parseRawPage(text)).toMatchObject({ page: JSON.parse(text), fileData: [] });
    },
  );

  it('parseRawPage takes a page object out of what it is wrapped in, and gives no slices without a list', () => {
    expect(parseRawPage('{"data":{"x":1}}')).toMatchObject({ page: { x: 1 }, fileData: [] });
  });

  it.each(['', '<html></html>', '{"data":[', '{"data":[]}}', '{"data":[,]', "{'data':[]}"])(
    'parseRawPage refuses %j',
    (text) => {
      expect(() => parseRawPage(text)).toThrow(SyntaxError);
    },
  );

  const page = fc.record({
    data: fc.array(
      fc.record({ document_id: fc.string(), file_data: fc.jsonValue(), file: fc.jsonValue() }),
    ),
    page: fc.nat(),
    other: fc.jsonValue(),
  });
  const indent = fc.constantFrom(undefined, 1, '\t', ' \r\n');

  it('parseRawPage gives slices that read as the items do, for any page', () => {
    fc.assert(
      fc.property(page, indent, fc.boolean(), (value, space, wrapped) => {
        const text = JSON.stringify(wrapped ? { data: value } : value, null, space);
        const slices = parseRawPage(text).fileData;
        const expected: { data: { file_data: unknown }[] } = JSON.parse(JSON.stringify(value));
        expect(slices.map((slice) => JSON.parse(slice ?? ''))).toEqual(
          expected.data.map((item) => item.file_data),
        );
        for (const slice of slices) expect(text).toContain(slice);
      }),
    );
  });

  it('parseRawPage detects truncation at any place', () => {
    fc.assert(
      fc.property(
        page,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (value, at) => {
          const text = JSON.stringify(value);
          expect(() => parseRawPage(text.slice(0, Math.floor(text.length * at)))).toThrow(
            SyntaxError,
          );
        },
      ),
    );
  });

  it('parseRawPage takes nesting that would overflow a recursive reader', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    expect(parseRawPage(`{"data":[{"file_data":${deep}}]}`).fileData).toEqual([deep]);
  });
});
