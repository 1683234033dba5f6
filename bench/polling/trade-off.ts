/** Polls against lag: what a policy costs, and what it would cost at another's number of polls. */
import type { PollPolicy } from '../../src/polling/poll-policy.js';
import type { Scenario } from './scenarios.js';
import { type Outcome, simulate } from './simulate.js';

export interface Point {
  polls: number;
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
    polls: mean(outcomes.map(({ polls }) => polls)),
    lagS: mean(lags) / 1_000,
    p95LagS: (lags[Math.floor(lags.length * 0.95)] ?? 0) / 1_000,
  };
}

/** The points that no other beats in both polls and lag, by polls. */
export function frontier(points: readonly Point[]): Point[] {
  let least = Number.POSITIVE_INFINITY;
  return [...points]
    .sort((a, b) => a.polls - b.polls || a.lagS - b.lagS)
    .filter((point) => {
      if (point.lagS >= least) return false;
      least = point.lagS;
      return true;
    });
}

/** The lag on a frontier at `polls`, between its points on a log-log scale; undefined outside. */
export function lagAt(points: readonly Point[], polls: number): number | undefined {
  for (const [index, right] of points.entries()) {
    const left = points[index - 1];
    if (left && left.polls <= polls && polls <= right.polls) {
      const share = Math.log(polls / left.polls) / Math.log(right.polls / left.polls);
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
