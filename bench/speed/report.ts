/** The findings of the benchmark and their table. */
import { formatTable } from '../../src/cli/output/table.js';

export interface Finding {
  what: string;
  /** The two figures that the ratio is of, for people. */
  figures: string;
  ratio: number;
  /** Such as `at least 0.7`. Absent where there is no target. */
  target?: string;
  met?: boolean;
}

type Verdict = Required<Pick<Finding, 'ratio' | 'target' | 'met'>>;

export function atLeast(ratio: number, least: number): Verdict {
  return { ratio, target: `at least ${least}`, met: ratio >= least };
}

export function atMost(ratio: number, most: number): Verdict {
  return { ratio, target: `at most ${Number(most.toFixed(2))}`, met: ratio <= most };
}

/** Nearest rank. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  const value = sorted[rank - 1];
  if (value === undefined) throw new Error('there are no values');
  return value;
}

/** `260 (251-268)`: the median, and the range of all runs. */
export function spread(values: readonly number[], digits: number): string {
  const [least, median, most] = [0, 50, 100].map((p) => percentile(values, p).toFixed(digits));
  return least === most ? `${median}` : `${median} (${least}-${most})`;
}

export function formatFindings(findings: readonly Finding[]): string {
  const rows = findings.map(({ what, figures, ratio, target = '', met }) => [
    what,
    figures,
    ratio.toFixed(2),
    target,
    met === undefined ? '' : met ? 'met' : 'MISSED',
  ]);
  const header = ['measure', 'figures', 'ratio', 'target', ''];
  return formatTable([header, ...rows]).join('\n');
}
