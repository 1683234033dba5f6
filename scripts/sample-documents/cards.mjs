/** A PAN card and an Aadhaar card of persons who do not exist. */
import { Canvas } from './canvas.mjs';

/** @typedef {import('./canvas.mjs').Colour} Colour */
/** @typedef {import('./canvas.mjs').Point} Point */

/** Pixels; the proportions of a bank card. */
const SIZE = { width: 640, height: 404 };

/** @type {Record<'desk' | 'ink' | 'faint' | 'white' | 'red' | 'skin' | 'hair', Colour>} */
const COLOUR = {
  desk: [226, 228, 231],
  ink: [31, 38, 58],
  faint: [96, 106, 128],
  white: [255, 255, 255],
  red: [196, 43, 43],
  skin: [201, 157, 124],
  hair: [52, 42, 40],
};

/** @param {Colour} left @param {Colour} right @returns {Canvas} an empty card on a desk */
function blankCard(left, right) {
  const canvas = new Canvas(SIZE.width, SIZE.height, COLOUR.desk);
  canvas.card({ x: 14, y: 18, width: 614, height: 376 }, 22, [198, 201, 206]);
  canvas.card({ x: 12, y: 12, width: 616, height: 378 }, 22, left, right);
  return canvas;
}

/** @param {Canvas} canvas @param {Point} corner @param {Colour} shirt */
function portrait(canvas, [x, y], shirt) {
  canvas.card({ x: x - 3, y: y - 3, width: 126, height: 156 }, 6, COLOUR.white);
  canvas.card({ x, y, width: 120, height: 150 }, 4, [206, 217, 228]);
  canvas.card({ x: x + 12, y: y + 104, width: 96, height: 46 }, 22, shirt);
  canvas.card({ x: x + 12, y: y + 128, width: 96, height: 22 }, 0, shirt);
  canvas.card({ x: x + 49, y: y + 84, width: 22, height: 32 }, 10, COLOUR.skin);
  canvas.ellipse([x + 60, y + 54], 31, 35, COLOUR.hair);
  canvas.ellipse([x + 60, y + 66], 25, 31, COLOUR.skin);
}

/** @param {Canvas} canvas @param {Point} at @param {string} label @param {string} value */
function field(canvas, [x, y], label, value) {
  canvas.text(label, [x, y], { size: 9, colour: COLOUR.faint, weight: 0.14 });
  canvas.text(value, [x, y + 17], { size: 16, colour: COLOUR.ink });
}

/** @param {Canvas} canvas */
function markAsSpecimen(canvas) {
  const style = { size: 62, colour: COLOUR.red, weight: 0.12, angle: -0.42, opacity: 0.24 };
  canvas.text('SPECIMEN', [116, 292], style);
}

/**
 * A square of dots like those of a two-dimensional code, which no reader understands.
 * @param {Canvas} canvas
 * @param {Point} corner
 */
function code(canvas, [x, y]) {
  const [cells, cell] = [21, 5];
  const side = cells * cell;
  canvas.card({ x: x - 6, y: y - 6, width: side + 12, height: side + 12 }, 4, COLOUR.white);
  // A linear congruential generator (Numerical Recipes): the same dots every time.
  let state = 2026;
  for (let i = 0; i < cells * cells; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const at = { x: x + (i % cells) * cell, y: y + Math.floor(i / cells) * cell };
    if (state > 2 ** 31) canvas.card({ ...at, width: cell, height: cell }, 0, COLOUR.ink);
  }
  for (const [cx, cy] of [
    [0, 0],
    [cells - 7, 0],
    [0, cells - 7],
  ]) {
    const [left, top] = [x + (cx ?? 0) * cell, y + (cy ?? 0) * cell];
    for (const [inset, colour] of /** @type {const} */ ([
      [0, COLOUR.ink],
      [1, COLOUR.white],
      [2, COLOUR.ink],
    ])) {
      const width = (7 - 2 * inset) * cell;
      canvas.card(
        { x: left + inset * cell, y: top + inset * cell, width, height: width },
        1,
        colour,
      );
    }
  }
}

/** @param {Canvas} canvas @param {Point} corner */
function signature(canvas, [x, y]) {
  const points = Array.from({ length: 60 }, (_, i) => {
    const t = i / 59;
    const wave = Math.sin(t * 31) * 12 * (1 - t * 0.7) + Math.sin(t * 9) * 6;
    return /** @type {Point} */ ([x + t * 120 + Math.sin(t * 23) * 5, y + wave - t * 8]);
  });
  canvas.stroke(points, 2, [32, 46, 120]);
}

export function panCard() {
  const canvas = blankCard([214, 232, 240], [239, 233, 214]);
  canvas.card({ x: 36, y: 34, width: 568, height: 52 }, 8, [35, 75, 122], [60, 116, 150]);
  canvas.text('INCOME TAX DEPARTMENT', [54, 52], { size: 17, colour: COLOUR.white, weight: 0.14 });
  canvas.text('SAMPLE CARD', [474, 55], { size: 11, colour: COLOUR.white, weight: 0.15 });
  portrait(canvas, [42, 112], [94, 108, 150]);
  field(canvas, [196, 112], 'PERMANENT ACCOUNT NUMBER', '');
  canvas.text('ZZZPS0000Z', [196, 130], { size: 27, colour: COLOUR.ink, weight: 0.15 });
  field(canvas, [196, 184], 'NAME', 'ANANYA SPECIMEN');
  field(canvas, [196, 232], "FATHER'S NAME", 'DEVRAJ SPECIMEN');
  field(canvas, [196, 280], 'DATE OF BIRTH', '16/04/1983');
  signature(canvas, [46, 312]);
  canvas.text('SIGNATURE', [46, 340], { size: 9, colour: COLOUR.faint, weight: 0.14 });
  code(canvas, [490, 250]);
  markAsSpecimen(canvas);
  return canvas;
}

export function aadhaarCard() {
  const canvas = blankCard([255, 255, 255], [250, 247, 241]);
  canvas.card({ x: 36, y: 34, width: 568, height: 10 }, 5, [236, 139, 60], [244, 170, 96]);
  canvas.card({ x: 36, y: 76, width: 568, height: 6 }, 3, [74, 140, 84], [112, 170, 110]);
  canvas.text('AADHAAR - SAMPLE CARD', [42, 53], { size: 14, colour: COLOUR.ink, weight: 0.15 });
  portrait(canvas, [42, 108], [164, 92, 82]);
  field(canvas, [196, 106], 'NAME', 'RAVI SPECIMEN');
  field(canvas, [196, 154], 'DATE OF BIRTH', '29/02/1988');
  field(canvas, [390, 154], 'GENDER', 'MALE');
  field(canvas, [196, 202], 'ADDRESS', '12 NOWHERE STREET,');
  canvas.text('SAMPLE TOWN 000000', [196, 243], { size: 16, colour: COLOUR.ink });
  code(canvas, [492, 196]);
  canvas.stroke(
    [
      [42, 320],
      [598, 320],
    ],
    2,
    COLOUR.red,
  );
  canvas.text('0000 1111 2222', [176, 338], { size: 28, colour: COLOUR.ink, weight: 0.15 });
  markAsSpecimen(canvas);
  return canvas;
}
