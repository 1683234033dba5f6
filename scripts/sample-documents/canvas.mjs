/**
 * A small picture to draw on, with smooth edges: each shape is a signed distance (pixels, negative
 * inside), and a pixel on its edge is covered in part.
 */
import { advance, glyph } from './stroke-font.mjs';

/** @typedef {readonly [red: number, green: number, blue: number]} Colour 0 to 255 each */
/** @typedef {readonly [x: number, y: number]} Point */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */

/** @param {Point} p @param {Point} a @param {Point} b */
function distanceToSegment([px, py], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((px - ax) * dx + (py - ay) * dy) / length;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(px - ax - t * dx, py - ay - t * dy);
}

export class Canvas {
  /** @param {number} width @param {number} height @param {Colour} background */
  constructor(width, height, background) {
    this.width = width;
    this.height = height;
    this.pixels = Buffer.alloc(width * height * 3);
    for (let i = 0; i < this.pixels.length; i += 1) this.pixels[i] = background[i % 3] ?? 0;
  }

  /**
   * @param {Box} box where the shape may be, edges included
   * @param {(point: Point) => number} distance
   * @param {(point: Point) => Colour} colour
   * @param {number} opacity 0 to 1
   */
  fill(box, distance, colour, opacity = 1) {
    const [left, top] = [Math.max(0, Math.floor(box.x - 1)), Math.max(0, Math.floor(box.y - 1))];
    const right = Math.min(this.width, Math.ceil(box.x + box.width + 1));
    const bottom = Math.min(this.height, Math.ceil(box.y + box.height + 1));
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1) {
        /** @type {Point} */
        const point = [x + 0.5, y + 0.5];
        const covered = Math.min(1, Math.max(0, 0.5 - distance(point))) * opacity;
        if (covered > 0) this.#mix(x, y, colour(point), covered);
      }
    }
  }

  /** @param {Box} box @param {number} radius of the corners @param {Colour} from @param {Colour} to at the right */
  card(box, radius, from, to = from) {
    const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2];
    this.fill(
      box,
      ([x, y]) => {
        const dx = Math.abs(x - cx) - box.width / 2 + radius;
        const dy = Math.abs(y - cy) - box.height / 2 + radius;
        return (
          Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - radius
        );
      },
      ([x]) => {
        const t = Math.min(1, Math.max(0, (x - box.x) / box.width));
        return [
          from[0] + (to[0] - from[0]) * t,
          from[1] + (to[1] - from[1]) * t,
          from[2] + (to[2] - from[2]) * t,
        ];
      },
    );
  }

  /** @param {Point} centre @param {number} rx @param {number} ry @param {Colour} colour */
  ellipse([cx, cy], rx, ry, colour) {
    const scale = Math.min(rx, ry);
    this.fill(
      { x: cx - rx, y: cy - ry, width: 2 * rx, height: 2 * ry },
      ([x, y]) => (Math.hypot((x - cx) / rx, (y - cy) / ry) - 1) * scale,
      () => colour,
    );
  }

  /** @param {readonly Point[]} points @param {number} thickness @param {Colour} colour @param {number} opacity */
  stroke(points, thickness, colour, opacity = 1) {
    const half = thickness / 2;
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const [left, top] = [Math.min(...xs) - half, Math.min(...ys) - half];
    const box = {
      x: left,
      y: top,
      width: Math.max(...xs) + half - left,
      height: Math.max(...ys) + half - top,
    };
    const segments = points.slice(1).map((point, i) => ({ from: points[i] ?? point, to: point }));
    this.fill(
      box,
      (p) => Math.min(...segments.map(({ from, to }) => distanceToSegment(p, from, to))) - half,
      () => colour,
      opacity,
    );
  }

  /**
   * @param {string} text
   * @param {Point} origin top left corner of the first letter
   * @param {{ size: number, colour: Colour, weight?: number, angle?: number, opacity?: number }} style
   *   size: height of a capital in pixels; angle: in radians, around the origin
   */
  text(text, [x, y], { size, colour, weight = 0.13, angle = 0, opacity = 1 }) {
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    let pen = 0;
    for (const letter of text) {
      for (const line of glyph(letter)) {
        const points = line.map(([gx, gy]) => {
          const [dx, dy] = [(pen + gx) * size, gy * size];
          return /** @type {Point} */ ([x + dx * cos - dy * sin, y + dx * sin + dy * cos]);
        });
        this.stroke(points, size * weight, colour, opacity);
      }
      pen += advance(letter);
    }
  }

  /** @param {number} x @param {number} y @param {Colour} colour @param {number} share */
  #mix(x, y, colour, share) {
    const at = (y * this.width + x) * 3;
    for (const [i, value] of colour.entries()) {
      const before = this.pixels[at + i] ?? 0;
      this.pixels[at + i] = Math.round(before + (value - before) * share);
    }
  }
}
