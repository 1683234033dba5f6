import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findJsonFault } from '../../../src/cli/input/json-fault.js';

test.each([
  ['', 'line 1, column 1: expected a value, found the end'],
  ['{"a": 1,\n  "b": [1, 2,]}', 'line 2, column 14: expected a value, found "]"'],
  ['{"a": 1,\r\n}', 'line 2, column 1: expected a key, found "}"'],
  ['{"a": 1\n "b": 2}', 'line 2, column 2: expected "," or "}", found a quotation mark'],
  ['[1 2]', 'line 1, column 4: expected "," or "]", found "2"'],
  ['[1}', 'line 1, column 3: expected "," or "]", found "}"'],
  ["{'a': 1}", 'line 1, column 2: expected a key or "}", found "\'"'],
  ['{"a" 1}', 'line 1, column 6: expected ":", found "1"'],
  ['{"a": NaN}', 'line 1, column 7: expected a value, found "N"'],
  ['{"पैन😀": "a\nb"}', 'line 1, column 12: expected a closing quotation mark, found a line break'],
  ['["C:\\dir"]', 'line 1, column 5: expected an escape that JSON has, found "\\"'],
  ['[01]', 'line 1, column 3: expected "," or "]", found "1"'],
  ['{"a":\u00a01}', 'line 1, column 6: expected a value, found U+00A0'],
  ['{}\n{}', 'line 2, column 1: expected nothing more, found "{"'],
])('%j is no JSON, and where', (text, says) => {
  const { line, column, text: what } = findJsonFault(text) ?? { line: 0, column: 0, text: '' };
  expect(`line ${line}, column ${column}: ${what}`).toBe(says);
});

test('a fault is found in what JSON.parse refuses, and in nothing else', () => {
  const letters = fc.constantFrom(...'{}[],:"\\u01e.-+ \n\tatrufls\u0001é');
  const property = fc.property(
    fc.json(),
    fc.nat(),
    fc.nat(3),
    letters,
    (json, from, gone, letter) => {
      const at = from % (json.length + 1);
      for (const text of [json, json.slice(0, at) + letter + json.slice(at + gone)]) {
        expect(findJsonFault(text) === undefined).toBe(isJson(text));
      }
    },
  );
  fc.assert(property, { numRuns: 2000 });
});

test('a fault behind a long string and deep lists is found', () => {
  const text = `["${'é\\n'.repeat(2_000_000)}",${'['.repeat(1_000_000)}`;
  expect(findJsonFault(text)).toMatchObject({ line: 1, column: text.length + 1 });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
