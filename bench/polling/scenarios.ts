/**
 * Services as they might behave: each scenario draws uploads, one after the other. Times are
 * milliseconds since the upload was sent; an upload is complete when its last document is.
 */
import type { Random } from '../../src/simulator/random.js';

export interface DrawnUpload {
  productType: string;
  /** When each document becomes visible, ascending. */
  visibleMs: number[];
  /** What someone who knows the service would tell apart beforehand, besides type and size. */
  phase?: string;
}

export interface Scenario {
  name: string;
  /** Draws upload `index` of `count`. */
  draw(random: Random, index: number, count: number): DrawnUpload;
}

const SIZES = [1, 2, 4, 8, 16, 32, 64] as const;

const normal = (random: Random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const lognormal = (random: Random, medianS: number, sigma: number) =>
  medianS * Math.exp(sigma * normal(random));
const exponential = (random: Random, meanS: number) => -meanS * Math.log(1 - random());
const pick = <T>(random: Random, some: readonly [T, ...T[]]): T =>
  some[Math.floor(random() * some.length)] ?? some[0];

/** All documents at once, after `seconds`. */
const whole = (seconds: number, productType = 'LOAN_APP'): DrawnUpload => ({
  productType,
  visibleMs: [seconds * 1_000],
});
/** Documents one by one. */
const oneByOne = (seconds: number[]): DrawnUpload => ({
  productType: 'LOAN_APP',
  visibleMs: seconds.map((second) => second * 1_000).sort((a, b) => a - b),
});

/** `count` documents worked on one after the other, `meanS` each, after a start of `startS`. */
function inSequence(random: Random, count: number, startS: number, meanS: number): DrawnUpload {
  const seconds: number[] = [];
  let at = startS;
  for (let document = 0; document < count; document++) {
    at += exponential(random, meanS);
    seconds.push(at);
  }
  return oneByOne(seconds);
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'steady: 30 s give or take 1 s',
    draw: (random) => whole(Math.max(1, 30 + normal(random))),
  },
  {
    name: 'lognormal: median 30 s, sigma 0.6',
    draw: (random) => whole(lognormal(random, 30, 0.6)),
  },
  {
    name: 'two speeds: 12 s, and 120 s for a third',
    draw: (random) =>
      whole(random() < 0.67 ? lognormal(random, 12, 0.2) : lognormal(random, 120, 0.25)),
  },
  {
    name: 'gamma: mean 40 s',
    draw: (random) => whole(exponential(random, 20) + exponential(random, 20)),
  },
  {
    name: 'even: 10 s to 50 s',
    draw: (random) => whole(10 + 40 * random()),
  },
  {
    name: 'heavy tail: Pareto from 10 s',
    draw: (random) => whole(10 * (1 - random()) ** (-1 / 1.5)),
  },
  {
    name: 'drift: four times slower in the middle third',
    draw: (random, index, count) => {
      const slow = index >= count / 3 && index < (count * 2) / 3;
      const upload = whole((slow ? 4 : 1) * lognormal(random, 30, 0.4));
      return { ...upload, phase: slow ? 'slow' : 'usual' };
    },
  },
  {
    name: 'five product types, 8 s to 180 s',
    draw: (random) => {
      const [name, medianS] = pick(random, [
        ['LOAN_APP', 8],
        ['KYC', 20],
        ['INVOICE', 45],
        ['PAYSLIP', 90],
        ['STATEMENT', 180],
      ]);
      return whole(lognormal(random, medianS, 0.3), name);
    },
  },
  {
    name: 'one by one: 5 s and 2 s a document, speed varies',
    draw: (random) => {
      const speed = lognormal(random, 1, 0.4);
      return inSequence(random, pick(random, SIZES), 5, 2 * speed);
    },
  },
  {
    name: 'in parallel: each document about 20 s',
    draw: (random) => {
      const speed = lognormal(random, 1, 0.3);
      const count = pick(random, SIZES);
      return oneByOne(Array.from({ length: count }, () => lognormal(random, 20 * speed, 0.5)));
    },
  },
];
