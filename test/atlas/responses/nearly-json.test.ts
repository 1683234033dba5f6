import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNearlyJson } from '../../../src/atlas/responses/nearly-json.js';

const JSON_TEXT = '{"a":[1.10,{"b":"x, ]} {\\" NaN"}],"c":{}}';
const WARNING = '<br />\n<b>Warning</b>: Undefined index {scan} in <b>app.php</b>\n';

describe('parseNearlyJson', () => {
  it.each([
    ['JSON', JSON_TEXT],
    ['a mark before it', `\ufeff${JSON_TEXT}`],
    ['a warning before it', WARNING + JSON_TEXT],
    ['a warning after it', `${JSON_TEXT}\n${WARNING}`],
    ['a guard before it', `)]}',\n${JSON_TEXT}`],
    ['a callback around it', `callback(${JSON_TEXT});`],
    ['itself after it', JSON_TEXT + JSON_TEXT],
    ['itself in the next line', `${JSON_TEXT}\r\n${JSON_TEXT}\r\n`],
    ['a warning around the two', `${WARNING}${JSON_TEXT}\n${JSON_TEXT}`],
    ['quotes around it', JSON.stringify(JSON_TEXT)],
  ])('parseNearlyJson reads JSON with %s, and gives its text', (_, body) => {
    const { value, text } = parseNearlyJson(body);
    expect(value).toEqual(JSON.parse(JSON_TEXT));
    expect(text.trim()).toBe(JSON_TEXT);
  });

  it.each([
    ['{"a":[1,2,],}', '{"a":[1,2]}'],
    ['{"a":[1 , \n ]\t,\n}', '{"a":[1  \n ]\t\n}'],
    ['{"a":[",]",",}",],}', '{"a":[",]",",}"]}'],
    ['{"a":NaN,}', '{"a":null}'],
  ])('parseNearlyJson reads %j as %j', (body, text) => {
    expect(parseNearlyJson(body).text).toBe(text);
  });

  it.each([
    ['nothing', ''],
    ['a web page', '<html><style>a{b:c}</style></html>'],
    ['a web page with an object', ' <!DOCTYPE html><script>x={"data":null}</script>'],
    ['two of a kind that differ', '{"a":1}{"a":2}'],
    ['three of which one differs', '{"a":1}{"a":1}{"b":1}'],
    ['what has no start', '"x":1},{"a":1}],"page":1}'],
    ['what has no start, with one object', '"data":{"a":1}}'],
    ['a bracket too many', '{"a":1}}'],
    ['two commas', '{"a":[1,,]}'],
    ['a comma in the place of a value', '{"a":,}'],
    ['single quotes', "{'a':1}"],
    ['text that has no end', '{"a":"NaN,}'],
  ])('parseNearlyJson refuses %s', (_, body) => {
    expect(() => parseNearlyJson(body)).toThrow(SyntaxError);
  });

  it('parseNearlyJson refuses JSON that ends too early, at any place, alone or after another text', () => {
    const property = fc.property(fc.object(), fc.nat(), (object, at) => {
      const text = JSON.stringify({ ...object, last: 1 });
      const cut = text.slice(0, at % text.length);
      expect(() => parseNearlyJson(cut)).toThrow(SyntaxError);
      expect(() => parseNearlyJson(`Warning\n${cut}`)).toThrow(SyntaxError);
    });
    fc.assert(property, { seed: 23, numRuns: 500 });
  });

  it('parseNearlyJson reads a large text with a comma too many in a moment', () => {
    const list = `[${`{"a":"${'b, ]'.repeat(20)}"},`.repeat(50_000)}]`;
    expect(parseNearlyJson(`{"data":${list}}`).value).toMatchObject({ data: expect.any(Array) });
  });
});
