import { expect, test } from 'vitest';
import { decodeText } from '../src/json.js';

const TEXT = '{"é":"ऋण"}';
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

test.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${TEXT}`)],
  ['UTF-16 LE with a byte order mark', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
  ['UTF-16 BE with a byte order mark', utf16be(`\ufeff${TEXT}`)],
])('text in %s is decoded', (_, bytes) => {
  expect(decodeText(bytes)).toBe(TEXT);
});

test.each([
  ['broken UTF-8', [0x22, 0xff, 0x22]],
  ['half of a letter of UTF-16', [0xff, 0xfe, 0x22]],
])('bytes of %s are no text', (_, bytes) => {
  expect(decodeText(Uint8Array.from(bytes))).toBeUndefined();
});
