import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32, inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../examples/documents', import.meta.url));
const COMMENT = 'Synthetic specimen made by atlas-batch. Shows no real person or number.';
const PNG_SIGNATURE = '89504e470d0a1a0a';
const PICTURES = ['aadhaar-card.png', 'pan-card.png'];

const read = (name: string) => readFileSync(`${FOLDER}/${name}`);
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/** The chunks of a PNG file by type. Throws when one is damaged. */
function chunksOf(png: Buffer): Map<string, Buffer> {
  const chunks = new Map<string, Buffer>();
  let at = PNG_SIGNATURE.length / 2;
  while (at < png.length) {
    const length = png.readUInt32BE(at);
    const body = png.subarray(at + 4, at + 8 + length);
    expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body));
    chunks.set(body.toString('latin1', 0, 4), body.subarray(4));
    at += 12 + length;
  }
  return chunks;
}

test('the sample documents are two pictures and a PDF', () => {
  expect(readdirSync(FOLDER)).toEqual([PICTURES[0], 'bank-statement.pdf', PICTURES[1]]);
});

test.each([
  ['aadhaar-card.png', '5c351775ca8d32cd'],
  ['pan-card.png', '88d568bb49c90409'],
])(
  'the picture %s is intact, shows what it did, and says that it is invented',
  (name, expected) => {
    const png = read(name);
    expect(png.toString('hex', 0, 8)).toBe(PNG_SIGNATURE);
    const chunks = chunksOf(png);
    expect([...chunks.keys()]).toEqual(['IHDR', 'tEXt', 'IDAT', 'IEND']);
    expect(chunks.get('tEXt')?.toString('latin1')).toBe(`Comment\0${COMMENT}`);
    const header = chunks.get('IHDR') ?? Buffer.alloc(8);
    const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
    const pixels = inflateSync(chunks.get('IDAT') ?? Buffer.alloc(0));
    expect(pixels).toHaveLength((3 * width + 1) * height);
    expect(digest(pixels)).toBe(expected);
  },
);

test('the PDF is intact, shows what it did, and says that it is invented', () => {
  const pdf = read('bank-statement.pdf');
  const text = pdf.toString('latin1');
  expect(text).toContain(`/Title (${COMMENT})`);
  expect(text.match(/\(SPECIMEN\) Tj/g)).toHaveLength(2);
  expect(text).toContain('/Count 2');
  const xref = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(text)?.[1]);
  expect(text.startsWith('xref\n', xref)).toBe(true);
  expect(digest(pdf)).toBe('97d4380173a841ad');
});
