/** Looks against lag: what a policy costs, and what it would cost at another's number of looks. */
import type { PollPolicy } from '../../src/polling/poll-policy.js';
import type { Scenario } from './scenarios.js';
import { type Outcome, simulate } from './simulate.js';

export interface Point {
  looks: number;
  lagS: number;
}

export interface Measured extends Point {
  p95LagS: number;
}

export function measure(
  scenario: Scenario,
  policy: PollPolicy,
  run: { count: number; seed: number },
): Measured {
  return summarize(simulate(scenario, policy, run));
}

function summarize(outcomes: readonly Outcome[]): Measured {
  const lags = outcomes.flatMap(({ lagMs }) => lagMs ?? []).sort((a, b) => a - b);
  return {
    looks: mean(outcomes.map(({ looks }) => looks)),
    lagS: mean(lags) / 1_000,
    p95LagS: (lags[Math.floor(lags.length * 0.95)] ?? 0) / 1_000,
  };
}

/** The points that no other beats in both looks and lag, by looks. */
export function frontier(points: readonly Point[]): Point[] {
  let least = Number.POSITIVE_INFINITY;
  return [...points]
    .sort((a, b) => a.looks - b.looks || a.lagS - b.lagS)
    .filter((point) => {
      if (point.lagS >= least) return false;
      least = point.lagS;
      return true;
    });
}

/** The lag on a frontier at `looks`, between its points on a log-log scale; undefined outside. */
export function lagAt(points: readonly Point[], looks: number): number | undefined {
  for (const [index, right] of points.entries()) {
    const left = points[index - 1];
    if (left && left.looks <= looks && looks <= right.looks) {
      const share = Math.log(looks / left.looks) / Math.log(right.looks / left.looks);
      return Math.exp((1 - share) * Math.log(left.lagS) + share * Math.log(right.lagS));
    }
  }
  return undefined;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)));
}
