import { expect, test } from 'vitest';
import { decodeText } from '../src/json.js';

const TEXT = '{"é":"ऋण"}';
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

test.each([
  ['UTF-8', Buffer.from(TEXT), undefined],
  ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${TEXT}`), undefined],
  ['UTF-16 LE with a byte order mark', Buffer.from(`\ufeff${TEXT}`, 'utf16le'), undefined],
  ['UTF-16 BE with a byte order mark', utf16be(`\ufeff${TEXT}`), undefined],
  ['UTF-16 BE by its charset', utf16be(TEXT), 'UTF-16BE'],
  ['an unknown charset', Buffer.from(TEXT), 'x-unknown'],
  ['a byte order mark against the charset', Buffer.from(`\ufeff${TEXT}`), 'utf-16'],
])('text in %s is decoded', (_, bytes, charset) => {
  expect(decodeText(bytes, charset)).toBe(TEXT);
});

test('text of another charset is decoded', () => {
  expect(decodeText(Buffer.from([0x22, 0xe9, 0x22]), 'ISO-8859-1')).toBe('"é"');
});

test.each([
  ['broken UTF-8', [0x22, 0xff, 0x22]],
  ['half of a letter of UTF-16', [0xff, 0xfe, 0x22]],
])('bytes of %s are no text', (_, bytes) => {
  expect(decodeText(Uint8Array.from(bytes))).toBeUndefined();
});
