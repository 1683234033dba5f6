/**
 * Compares the learning policy with the schedules of well-known clients and writes docs/polling.svg.
 * What is printed is what docs/polling.md tells. Takes about a minute.
 */
import { writeFile } from 'node:fs/promises';
import { createLearningPolicy } from '../../src/polling/learning-policy.js';
import type { PollPolicy } from '../../src/polling/poll-policy.js';
import { leastCostS } from './best-possible.js';
import { CLIENTS, SCALES } from './clients.js';
import { type Line, plot } from './plot.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import { frontier, geometricMean, lagAt, type Measured, measure, type Point } from './trade-off.js';

const RUN = { count: 800, seed: 20_251 };
/** What one poll is worth, in milliseconds of lag: the default, and others for the line. */
const DEFAULT_PRICE_MS = 1_500;
const PRICES_MS = [120, 300, 700, DEFAULT_PRICE_MS, 3_000, 6_000, 12_000, 30_000];
const PLOT = new URL('../../docs/polling.svg', import.meta.url);

/** Tuned variants of one policy in one scenario, and the one that it comes with. */
interface Swept {
  default: Measured;
  all: Point[];
}

const print = (line = '') => process.stdout.write(`${line}\n`);
const cell = (value: number | undefined, digits = 1) =>
  (value === undefined ? '-' : value.toFixed(digits)).padStart(8);

function sweep(
  scenario: Scenario,
  values: readonly number[],
  usual: number,
  create: (value: number) => PollPolicy,
): Swept {
  const all = values.map((value) => measure(scenario, create(value), RUN));
  const chosen = all[values.indexOf(usual)];
  if (!chosen) throw new Error('the default is not among the values swept');
  return { default: chosen, all };
}

/** Sums up what the policy's own code takes, and what passes through unchanged. */
function timed(policy: PollPolicy, spent: { ms: number; calls: number }[]): PollPolicy {
  const [planning, learning] = spent;
  const clock = <T>(sum: { ms: number; calls: number } | undefined, work: () => T): T => {
    const startedAt = performance.now();
    const answer = work();
    if (sum) {
      sum.ms += performance.now() - startedAt;
      sum.calls += 1;
    }
    return answer;
  };
  return {
    ...policy,
    nextDelayMs: (context) => clock(planning, () => policy.nextDelayMs(context)),
    observe: (observation) => clock(learning, () => policy.observe(observation)),
  };
}

const learned: Swept[] = [];
const others = new Map(CLIENTS.map(({ name }) => [name, [] as Swept[]]));
const bestRatios: number[] = [];
const costRatios: number[] = [];
const spent = [
  { ms: 0, calls: 0 },
  { ms: 0, calls: 0 },
];

print('Lag in seconds. "lag at equal polls": the learning policy tuned to the same polls, and the');
print(
  'ratio of the two; "-" where no price of a poll leads to as many polls. Cost is lag plus 1.5 s a',
);
print(
  'poll; the least possible is that of someone who knows the distribution but sees no progress.',
);
for (const scenario of SCENARIOS) {
  const learning = sweep(scenario, PRICES_MS, DEFAULT_PRICE_MS, (pollPriceMs) =>
    timed(createLearningPolicy({ pollPriceMs }), spent),
  );
  learned.push(learning);
  const line = frontier(learning.all);
  print();
  print(`${scenario.name.padEnd(50)}   polls     lag  p95 lag  at equal polls`);
  print(`  ${'learning'.padEnd(46)}${row(learning.default)}`);
  const { polls: made, lagS: lag } = learning.default;
  const costRatio =
    (lag + (made * DEFAULT_PRICE_MS) / 1_000) / leastCostS(scenario, DEFAULT_PRICE_MS);
  costRatios.push(costRatio);
  const tuned: Point[] = [];
  for (const { name, create } of CLIENTS) {
    const swept = sweep(scenario, SCALES, 1, create);
    others.get(name)?.push(swept);
    tuned.push(...swept.all);
    const { polls, lagS } = swept.default;
    const equal = lagAt(line, polls);
    const ratio = equal === undefined ? '' : `  ${(equal / lagS).toFixed(2)}x`;
    print(`  ${name.padEnd(46)}${row(swept.default)}${cell(equal)}${ratio}`);
  }
  const best = lagAt(frontier(tuned), learning.default.polls);
  if (best !== undefined) {
    bestRatios.push(learning.default.lagS / best);
    print(
      `  ${'the best of them, tuned to the same polls'.padEnd(46)}${cell(learning.default.polls)}` +
        `${cell(best)}${cell(undefined)}${cell(learning.default.lagS)}  ${(learning.default.lagS / best).toFixed(2)}x`,
    );
  }
  print(`  cost of the learning policy over the least possible: ${costRatio.toFixed(2)}`);
}

function row({ polls, lagS, p95LagS }: Measured): string {
  return cell(polls) + cell(lagS) + cell(p95LagS);
}

/** One policy over all scenarios: geometric means, variant by variant. */
function lineOf(name: string, swept: readonly Swept[], emphasized: boolean): Line {
  const over = (points: readonly Point[]): Point => ({
    polls: geometricMean(points.map(({ polls }) => polls)),
    lagS: geometricMean(points.map(({ lagS }) => lagS)),
  });
  const variants = swept[0]?.all.length ?? 0;
  const points = Array.from({ length: variants }, (_, index) =>
    over(swept.flatMap(({ all }) => all[index] ?? [])),
  ).sort((a, b) => a.polls - b.polls);
  return { name, points, default: over(swept.map((one) => one.default)), emphasized };
}

const lines = [
  lineOf('learning', learned, true),
  ...[...others].map(([name, swept]) => lineOf(name, swept, false)),
];
await writeFile(PLOT, plot(lines));

print();
print(`${'all scenarios (geometric means)'.padEnd(50)}   polls     lag`);
for (const { name, default: point } of lines) {
  print(`  ${name.padEnd(46)}${cell(point.polls)}${cell(point.lagS)}`);
}
print();
print(`lag of the learning policy, over that of the best tuned client at equal polls:`);
print(
  `  ${geometricMean(bestRatios).toFixed(2)} (geometric mean of ${bestRatios.length} scenarios)`,
);
print('cost of the learning policy over the least possible without progress:');
print(
  `  ${geometricMean(costRatios).toFixed(2)} (geometric mean), ${Math.max(...costRatios).toFixed(2)} at most`,
);
const [planning, learning] = spent.map(({ ms, calls }) => ((ms * 1_000) / calls).toFixed(0));
print(`planning one poll takes ${planning} us, learning from one upload ${learning} us`);
