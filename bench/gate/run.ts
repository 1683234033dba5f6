/** Draws the pictures of docs/flow-control.md, and prints the figures that it tells. Takes seconds. */
import { writeFile } from 'node:fs/promises';
import { type Group, inWords, plotShares, plotWaits, type Quantiles } from './plot.js';
import { floodAndTrickle, SHARES } from './scenarios.js';
import { type Control, type Sent, simulate } from './simulate.js';

/** Above what Atlas works on at once: room is held until a poll finds the slowest document of an upload. */
const LIMIT = 1500;
const SEED = 27;
const KINDS = ['bulk', 'normal', 'urgent'];
const CONTROLS: readonly [Control, string][] = [
  ['none', 'No limit: all of it waits at Atlas'],
  ['fifo', `A limit of ${LIMIT} documents, first in, first out`],
  ['fair', `The gate, with the same limit`],
];
const print = (line: string) => process.stdout.write(`${line}\n`);
const picture = (name: string) => new URL(`../../docs/${name}.svg`, import.meta.url);

function quantilesOf(sent: readonly Sent[], kind: string): Quantiles {
  const waits = sent
    .filter((one) => one.kind === kind)
    .map(({ addedS, begunS }) => begunS - addedS)
    .sort((a, b) => a - b);
  const quantile = (share: number) => waits[Math.floor(share * (waits.length - 1))] ?? 0;
  return { median: quantile(0.5), p95: quantile(0.95), most: quantile(1) };
}

const groups: Group[] = CONTROLS.map(([control, title]) => {
  const sent = simulate(floodAndTrickle(), { control, limit: LIMIT, seed: SEED });
  const rows = KINDS.map((kind) => ({ kind, quantiles: quantilesOf(sent, kind) }));
  print(`${title}, over after ${inWords(Math.max(...sent.map(({ endedS }) => endedS)))}`);
  for (const { kind, quantiles } of rows) {
    const { median, p95, most } = quantiles;
    print(`  ${kind.padEnd(8)}${[median, p95, most].map((s) => inWords(s).padStart(10)).join('')}`);
  }
  return { title, rows };
});
await writeFile(picture('flow-control-waits'), plotWaits(groups));

const { arrivals, pause } = SHARES;
const sent = simulate(arrivals, { control: 'fair', limit: LIMIT, pause, seed: SEED });
const kinds = [...new Set(arrivals.map(({ kind }) => kind))];
await writeFile(picture('flow-control-shares'), plotShares(sent, { kinds, limit: LIMIT, pause }));
