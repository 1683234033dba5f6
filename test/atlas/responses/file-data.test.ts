import { describe, expect, it } from 'vitest';
import { readFileData } from '../../../src/atlas/responses/file-data.js';
import { readExtractsPage } from '../../../src/atlas/responses/wire.js';

const CANARY = 'XCANARYX';

describe('readFileData', () => {
  it.each([
    '{"a":null}',
    '{"n":12345678901234567890,"x":1.10}',
    '[{"a":1}]',
    '[null,{"a":1}]',
    '[ [], { "a":1} ]',
  ])('readFileData takes %s for an extract, as it came', (text) => {
    expect(readFileData(text)).toEqual({ extract: text });
  });

  it.each([
    ...['null', 'true', 'false', '0', '1.5', `"${CANARY}"`, '""', '" "', '{}', '{ }', '[]', '[\n]'],
    ...['[null]', '[{}]', '[[{"a":1}]]', '["{}"]', `["${CANARY}",1]`],
    ...['"{}"', '"null"', '"[1]"', '"7"', '"{\\"a\\":1"', '"{\\"a\\":1} x"', '"{\\"a\\":NaN}"'],
    JSON.stringify(JSON.stringify(JSON.stringify({ a: 1 }))),
  ])('readFileData takes %s for no extract, and says why without a word of it', (text) => {
    const read = readFileData(text);
    expect(read).toEqual({ why: expect.stringMatching(/^its file_data is /) });
    expect(JSON.stringify(read)).not.toContain(CANARY);
  });

  it.each(['{"n":12345678901234567890,"name":"Zoë"}', ' [{"a":1}]\n'])(
    'readFileData takes the JSON %j that stands in a text, number by number',
    (inner) => {
      expect(readFileData(JSON.stringify(inner))).toEqual({ extract: inner.trim() });
    },
  );

  it('readExtractsPage takes the same for extracts in a small page and in one that is left as text', () => {
    const given = ['oops', false, 7, [null], [{}], { a: 1 }, [{ a: 1 }], '{"a":1}', '[1]'];
    const data = given.map((fileData, index) => ({ document_id: `${index}`, file_data: fileData }));
    const itemsOf = (filler: string) => {
      const read = readExtractsPage(JSON.stringify({ filler, data }), 1);
      return read.ok ? read.value.items : [];
    };
    const items = itemsOf('');
    expect(itemsOf('x'.repeat(1024 * 1024))).toEqual(items);
    expect(items.map(({ fileData }) => fileData)).toEqual([
      ...[null, null, null, null, null],
      ...['{"a":1}', '[{"a":1}]', '{"a":1}', null],
    ]);
  });
});
