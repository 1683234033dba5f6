import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEFT_AS_TEXT, parseLargeJson } from '../../../src/atlas/responses/large-json.js';

/** What `JSON.parse` makes of it, with what is left as text in its place. */
function expected(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const isList = Array.isArray(value);
  const isEmpty = Object.keys(value).length === 0;
  if (depth >= 4) {
    if (!isEmpty) return LEFT_AS_TEXT;
    return isList ? [] : {};
  }
  if (isList) return value.map((one) => expected(one, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, expected(one, key === 'data' ? depth + 1 : 4)]),
  );
}

function outcomeOf(parse: () => unknown): unknown {
  try {
    return { value: parse() };
  } catch (error) {
    return (error as Error).name;
  }
}

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(
      'true',
      'false',
      'null',
      '0',
      '-0',
      '1.50e+07',
      '12345678901234567890',
      '-1E-3',
    ),
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc
      .tuple(fc.constantFrom('x', '\u0085', '\n', '"', '\\'), fc.nat(400))
      .map(([letter, at]) => JSON.stringify(`${'x'.repeat(at)}${letter}${'y'.repeat(200)}`)),
    fc.constantFrom(String.raw`"\u0905\ud83d\ude00 \/\b\f\n\r\t\\\""`, '""', '"__proto__"'),
    fc.array(tie('value')).map((parts) => `[ ${parts.join(' ,\n')} ]`),
    fc
      .array(
        fc.tuple(fc.constantFrom('"data"', '"a"', '"d\\u0061ta"', '"__proto__"'), tie('value')),
      )
      .map((parts) => `{${parts.map(([key, part]) => `${key}\t:${part}`).join(', ')}\r}`),
  ),
})).value as fc.Arbitrary<string>;

describe('parseLargeJson', () => {
  it('parseLargeJson makes of JSON what JSON.parse does, but for what is left as text', () => {
    fc.assert(
      fc.property(json, (text) => {
        expect(parseLargeJson(text)).toEqual(expected(JSON.parse(text)));
      }),
    );
  });

  it('parseLargeJson refuses what JSON.parse refuses, and nothing else', () => {
    const damage = fc.tuple(
      fc.nat(),
      fc.nat(2),
      fc.constantFrom(...'{}[]",:0123456789.-+eEtn\\u \u0001'),
    );
    fc.assert(
      fc.property(json, damage, (text, [place, cut, letter]) => {
        const at = place % (text.length + 1);
        const damaged = text.slice(0, at) + letter + text.slice(at + cut);
        const outcome = outcomeOf(() => expected(JSON.parse(damaged)));
        expect(outcomeOf(() => parseLargeJson(damaged))).toEqual(outcome);
      }),
      { numRuns: 2000 },
    );
  });

  it('parseLargeJson refuses more values in a list of items, and more levels, than are worth reading', () => {
    const items = (count: number) => `{"data":[${Array(count).fill('{}').join(',')}]}`;
    expect(() => parseLargeJson(items(199_000))).not.toThrow();
    expect(() => parseLargeJson(items(201_000))).toThrow('more than 200000 values');
    const nested = (depth: number) => `{"file_data":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(parseLargeJson(nested(10_000))).toEqual({ file_data: LEFT_AS_TEXT });
    expect(() => parseLargeJson(nested(10_001))).toThrow('more than 10000 levels');
  });
});
