/** Draws polls against lag as SVG by hand, readable on light and on dark pages. */
import type { Point } from './trade-off.js';

export interface Line {
  name: string;
  /** By polls. */
  points: readonly Point[];
  /** The policy as it comes. */
  default: Point;
  emphasized: boolean;
}

const WIDTH = 800;
const HEIGHT = 480;
const LEFT = 64;
const RIGHT = 240;
const TOP = 24;
const BOTTOM = 52;
const POLLS = { from: 1.5, to: 30, ticks: [2, 3, 5, 10, 20, 30] };
const LAG_S = { from: 1, to: 40, ticks: [1, 2, 3, 5, 10, 20, 40] };
/** Told apart by people with colour-blindness (Okabe and Ito), and dark enough on white. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#56789c'];
const DASHES = ['', '7 4', '2 4', '10 3 2 3', '5 2', '1 3'];

const x = (polls: number) =>
  LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(polls / POLLS.from)) / Math.log(POLLS.to / POLLS.from);
const y = (lagS: number) =>
  TOP + ((HEIGHT - TOP - BOTTOM) * Math.log(LAG_S.to / lagS)) / Math.log(LAG_S.to / LAG_S.from);
const at = (value: number) => value.toFixed(1);
const inside = ({ polls, lagS }: Point) =>
  polls >= POLLS.from && polls <= POLLS.to && lagS >= LAG_S.from && lagS <= LAG_S.to;

export function plot(lines: readonly Line[]): string {
  const right = WIDTH - RIGHT;
  const bottom = HEIGHT - BOTTOM;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"`,
    '  aria-label="Mean polls per upload against mean lag, one line a policy">',
    '<style>',
    '  svg { font: 13px system-ui, sans-serif; background: #fff; color: #1f2328 }',
    '  text { fill: currentColor } .grid { stroke: currentColor; opacity: 0.15 }',
    '  @media (prefers-color-scheme: dark) {',
    '    svg { background: #0d1117; color: #e6edf3 } .line { filter: brightness(1.5) }',
    '  }',
    '</style>',
    ...POLLS.ticks.map(
      (tick) =>
        `<line class="grid" x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${TOP}" y2="${bottom}"/>` +
        `<text x="${at(x(tick))}" y="${bottom + 18}" text-anchor="middle">${tick}</text>`,
    ),
    ...LAG_S.ticks.map(
      (tick) =>
        `<line class="grid" x1="${LEFT}" x2="${right}" y1="${at(y(tick))}" y2="${at(y(tick))}"/>` +
        `<text x="${LEFT - 8}" y="${at(y(tick) + 4)}" text-anchor="end">${tick} s</text>`,
    ),
    `<text x="${(LEFT + right) / 2}" y="${HEIGHT - 10}" text-anchor="middle">polls per upload</text>`,
    `<text transform="translate(18 ${(TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">mean lag</text>`,
    ...lines.flatMap((line, index) => drawLine(line, index, right)),
    '</svg>',
    '',
  ].join('\n');
}

function drawLine(line: Line, index: number, right: number): string[] {
  const colour = COLOURS[index % COLOURS.length];
  const dash = DASHES[index % DASHES.length];
  const width = line.emphasized ? 3.5 : 2;
  const points = line.points.filter(inside).map((one) => `${at(x(one.polls))},${at(y(one.lagS))}`);
  const style = `class="line" stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dash}"`;
  const legendY = TOP + 14 + index * 24;
  return [
    `<polyline ${style} fill="none" points="${points.join(' ')}"/>`,
    inside(line.default)
      ? `<circle class="line" cx="${at(x(line.default.polls))}" cy="${at(y(line.default.lagS))}" r="5" fill="${colour}"/>`
      : '',
    `<line ${style} x1="${right + 10}" x2="${right + 36}" y1="${legendY}" y2="${legendY}"/>`,
    `<text x="${right + 42}" y="${legendY + 4}"${line.emphasized ? ' font-weight="600"' : ''}>${line.name}</text>`,
  ].filter((part) => part !== '');
}
