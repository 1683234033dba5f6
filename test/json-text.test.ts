import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eachPlainPart } from '../src/json-text.js';

function plainJson(json: string): string {
  const parts: string[] = [];
  eachPlainPart(json, (part) => parts.push(part));
  return parts.join('');
}

/** Each character of each string as its code, and blanks wherever there may be some. */
function writtenAtLength(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|[[\]{},:]/g, (part) =>
    part.startsWith('"') ? `"${codesOf(JSON.parse(part))}"` : `\r\n${part}\t `,
  );
}

function codesOf(text: string): string {
  return Array.from(
    { length: text.length },
    (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');
}

it('JSON that is written in another way has the same plain form, which is that of JSON.stringify', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const json = JSON.stringify(value);
      expect(plainJson(json)).toBe(json);
      expect(plainJson(JSON.stringify(value, null, 2))).toBe(json);
      expect(plainJson(writtenAtLength(json))).toBe(json);
    }),
  );
});

it.each([
  ['{"n": 1.10}', '{"n":1.10}'],
  ['[1E-7, 12345678901234567890]', '[1E-7,12345678901234567890]'],
  ['{"a": 1, "a": 2}', '{"a":1,"a":2}'],
  ['"a\\/b \\\\ \\" c"', '"a/b \\\\ \\" c"'],
])('the plain form of %s is %s', (json, plain) => {
  expect(plainJson(json)).toBe(plain);
});

it('a text of millions of parts comes in pieces that are short, and in their order', () => {
  const json = `[${'"\\u0041", 1, '.repeat(100_000)}0]`;
  const parts: string[] = [];
  eachPlainPart(json, (part) => parts.push(part));
  expect(parts.length).toBeGreaterThan(5);
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(100_000);
  expect(parts.join('')).toBe(JSON.stringify(JSON.parse(json)));
});
