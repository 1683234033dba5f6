/** Draws what a simulation came to as SVG by hand, readable on light and on dark pages. */
import type { Sent } from './simulate.js';

const WIDTH = 800;
/** Told apart by people with colour-blindness (Okabe and Ito), and dark enough on white. */
const COLOURS = ['#56789c', '#0072b2', '#009e73', '#d55e00'];
const STYLE = `<style>
  svg { font: 13px system-ui, sans-serif; background: #fff; color: #1f2328 }
  text { fill: currentColor } .grid { stroke: currentColor; opacity: 0.15 } .dim { opacity: 0.7 }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; color: #e6edf3 } .mark { filter: brightness(1.4) }
  }
</style>`;

const at = (value: number) => value.toFixed(1);

function svg(height: number, label: string, parts: readonly string[]): string {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"`;
  return [`${open}\n  aria-label="${label}">`, STYLE, ...parts, '</svg>', ''].join('\n');
}

/** Seconds by their share of batches: half of them at most that. */
export interface Quantiles {
  median: number;
  p95: number;
  most: number;
}

export interface Group {
  title: string;
  rows: { kind: string; quantiles: Quantiles }[];
}

const AXIS = { left: 130, right: 120, from: 0.1, to: 3600 };
const TICKS: readonly [number, string][] = [
  [0.1, '0.1 s'],
  [1, '1 s'],
  [10, '10 s'],
  [60, '1 min'],
  [600, '10 min'],
  [3600, '1 h'],
];
const ROW = 26;

/** From nothing to the longest, with a dot at the median and a line at 95 %. */
export function plotWaits(groups: readonly Group[]): string {
  const x = (seconds: number) => {
    const shown = Math.min(AXIS.to, Math.max(AXIS.from, seconds));
    const share = Math.log(shown / AXIS.from) / Math.log(AXIS.to / AXIS.from);
    return AXIS.left + (WIDTH - AXIS.left - AXIS.right) * share;
  };
  const parts: string[] = [];
  let y = 20;
  for (const { title, rows } of groups) {
    parts.push(`<text x="16" y="${y + 12}" font-weight="600">${title}</text>`);
    y += ROW;
    for (const [n, { kind, quantiles }] of rows.entries()) {
      const { median, p95, most } = quantiles;
      const colour = COLOURS[n === 2 ? 3 : n];
      parts.push(
        `<text x="${AXIS.left - 12}" y="${y + 14}" text-anchor="end">${kind}</text>`,
        `<line class="mark" x1="${AXIS.left}" x2="${at(x(most))}" y1="${y + 10}" y2="${y + 10}" stroke="${colour}" stroke-width="8" opacity="0.35"/>`,
        `<line class="mark" x1="${at(x(p95))}" x2="${at(x(p95))}" y1="${y + 3}" y2="${y + 17}" stroke="${colour}" stroke-width="2.5"/>`,
        `<circle class="mark" cx="${at(x(median))}" cy="${y + 10}" r="6" fill="${colour}"/>`,
        `<text class="dim" x="${WIDTH - AXIS.right + 12}" y="${y + 14}">${inWords(median)}</text>`,
      );
      y += ROW;
    }
    y += 12;
  }
  const grid = TICKS.map(
    ([seconds, word]) =>
      `<line class="grid" x1="${at(x(seconds))}" x2="${at(x(seconds))}" y1="20" y2="${y}"/>` +
      `<text x="${at(x(seconds))}" y="${y + 18}" text-anchor="middle">${word}</text>`,
  );
  const axis = `<text x="${(AXIS.left + WIDTH - AXIS.right) / 2}" y="${y + 40}" text-anchor="middle">from being added until Atlas begins: half of them (dot), 95 % (line), all (bar)</text>`;
  return svg(y + 54, 'Time until Atlas begins, by priority and by how uploads are controlled', [
    ...grid,
    ...parts,
    axis,
  ]);
}

export function inWords(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.round(seconds / 60)} min`;
}

const AREA = { left: 64, right: 130, top: 20, height: 300, stepS: 10 };

/** Documents at Atlas over time, one area for each kind on top of the others. */
export function plotShares(
  sent: readonly Sent[],
  {
    kinds,
    limit,
    pause,
  }: { kinds: string[]; limit: number; pause: { fromS: number; toS: number } },
): string {
  const endS = Math.max(...sent.map(({ endedS }) => endedS));
  const steps = Math.ceil(endS / AREA.stepS);
  const counts = kinds.map((kind) => documentsOverTime(sent, kind, steps));
  const x = (seconds: number) =>
    AREA.left + ((WIDTH - AREA.left - AREA.right) * seconds) / (steps * AREA.stepS);
  const y = (documents: number) => AREA.top + AREA.height * (1 - documents / (limit * 1.05));
  const below = Array.from({ length: steps + 1 }, () => 0);
  const parts = kinds.flatMap((kind, k) => {
    const lower = below.map((value, n) => `${at(x(n * AREA.stepS))},${at(y(value))}`);
    for (const n of below.keys()) below[n] = (below[n] ?? 0) + (counts[k]?.[n] ?? 0);
    const upper = below.map((value, n) => `${at(x(n * AREA.stepS))},${at(y(value))}`);
    const colour = COLOURS[k % COLOURS.length];
    const legendY = AREA.top + 14 + k * 24;
    const right = WIDTH - AREA.right + 14;
    return [
      `<polygon class="mark" fill="${colour}" points="${[...upper, ...lower.reverse()].join(' ')}"/>`,
      `<rect class="mark" x="${right}" y="${legendY - 10}" width="12" height="12" fill="${colour}"/>`,
      `<text x="${right + 18}" y="${legendY}">${kind}</text>`,
    ];
  });
  const bottom = AREA.top + AREA.height;
  const minutes = Array.from({ length: Math.floor(endS / 300) + 1 }, (_, n) => n * 5);
  return svg(bottom + 54, 'Documents at Atlas over time, by tenant and priority', [
    ...parts,
    ...[0, limit / 2, limit].map(
      (value) =>
        `<line class="grid" x1="${AREA.left}" x2="${WIDTH - AREA.right}" y1="${at(y(value))}" y2="${at(y(value))}"/>` +
        `<text x="${AREA.left - 8}" y="${at(y(value) + 4)}" text-anchor="end">${value.toLocaleString('en')}</text>`,
    ),
    ...minutes.map(
      (minute) =>
        `<text x="${at(x(minute * 60))}" y="${bottom + 18}" text-anchor="middle">${minute}</text>`,
    ),
    `<text x="${at(x((pause.fromS + pause.toS) / 2))}" y="${AREA.top + 40}" text-anchor="middle">pause</text>`,
    `<text x="${(AREA.left + WIDTH - AREA.right) / 2}" y="${bottom + 42}" text-anchor="middle">minutes: documents at Atlas</text>`,
  ]);
}

function documentsOverTime(sent: readonly Sent[], kind: string, steps: number): number[] {
  const counts = Array.from({ length: steps + 1 }, () => 0);
  for (const one of sent) {
    if (one.kind !== kind) continue;
    const from = Math.ceil(one.sentS / AREA.stepS);
    for (let n = from; n * AREA.stepS < one.endedS; n += 1)
      counts[n] = (counts[n] ?? 0) + one.documentCount;
  }
  return counts;
}
