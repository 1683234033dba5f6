/** Capitals, digits and a few signs as lines on a grid, so that they can be drawn at any size. */

/** @typedef {readonly [x: number, y: number]} Point in heights of a capital, y downwards */

/** Strokes separated by a blank, each a row of points `xy` on a grid of 4 by 6. */
const STROKES = new Map(
  Object.entries({
    A: '06 20 46/14 34',
    B: '03 33 44 45 36 06 00 30 41 42 33',
    C: '41 30 10 01 05 16 36 45',
    D: '00 06 26 44 42 20 00',
    E: '40 00 06 46/03 33',
    F: '40 00 06/03 33',
    G: '41 30 10 01 05 16 36 45 43 23',
    H: '00 06/40 46/03 43',
    I: '00 06',
    J: '40 45 36 16 05',
    K: '00 06/40 03 46',
    L: '00 06 46',
    M: '06 00 23 40 46',
    N: '06 00 46 40',
    O: '10 30 41 45 36 16 05 01 10',
    P: '06 00 30 41 42 33 03',
    Q: '10 30 41 45 36 16 05 01 10/24 46',
    R: '06 00 30 41 42 33 03/23 46',
    S: '41 30 10 01 02 13 33 44 45 36 16 05',
    T: '00 40/20 26',
    U: '00 05 16 36 45 40',
    V: '00 26 40',
    W: '00 16 22 36 40',
    X: '00 46/40 06',
    Y: '00 23 40/23 26',
    Z: '00 40 06 46',
    0: '10 30 41 45 36 16 05 01 10/41 05',
    1: '01 10 16/06 26',
    2: '01 10 30 41 42 06 46',
    3: '00 40 23 33 44 45 36 16 05',
    4: '36 30 04 44',
    5: '40 00 03 33 44 45 36 16 05',
    6: '30 10 01 05 16 36 45 44 33 03',
    7: '00 40 16',
    8: '10 30 41 42 33 13 02 01 10/13 04 05 16 36 45 44 33',
    9: '43 13 02 01 10 30 41 45 36 16',
    '.': '06 06',
    ',': '06 07',
    ':': '02 02/05 05',
    '-': '03 33',
    '/': '06 40',
    "'": '00 01',
  }),
);

/** Of a blank, in grid units; and what lies between two letters. */
const BLANK = 2.6;
const GAP = 1.7;
const GRID_HEIGHT = 6;

/**
 * @param {string} letter
 * @returns {readonly (readonly Point[])[]} nothing for what the font lacks
 */
export function glyph(letter) {
  const strokes = STROKES.get(letter)?.split('/') ?? [];
  return strokes.map((stroke) => stroke.split(' ').map(toPoint));
}

/** @param {string} letter @returns {number} from its left edge to that of the next letter */
export function advance(letter) {
  const width = Math.max(...glyph(letter).flatMap((stroke) => stroke.map(([x]) => x)), 0);
  return STROKES.has(letter) ? width + GAP / GRID_HEIGHT : BLANK / GRID_HEIGHT;
}

/** @param {string} digits @returns {Point} */
function toPoint(digits) {
  return [Number(digits[0]) / GRID_HEIGHT, Number(digits[1]) / GRID_HEIGHT];
}
