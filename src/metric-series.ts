/**
 * The series that a labelled metric has from the start, at 0. Prometheus's `increase` does not see the first
 * event of a series that appears with it, and that is the one that an alert is for.
 */
import { Counter, type Registry } from 'prom-client';

type Series<Label extends string> = Record<Label, string>;

/** Every combination of these values. */
export function everySeries<Label extends string>(
  values: Readonly<Record<Label, readonly string[]>>,
): Series<Label>[] {
  const labels = Object.keys(values) as Label[];
  return labels.reduce<Series<Label>[]>(
    (all, label) =>
      all.flatMap((one) => values[label].map((value) => ({ ...one, [label]: value }))),
    [{} as Series<Label>],
  );
}

/** Makes counters of these registries, each with its series. Without any it has no labels. */
export function counterFactory(registers: Registry[]) {
  return <Label extends string = never>(
    name: string,
    help: string,
    series: readonly Series<Label>[] = [],
  ): Counter<Label> => {
    const labelNames = Object.keys(series[0] ?? {}) as Label[];
    const counter = new Counter({ name: `atlas_batch_${name}`, help, labelNames, registers });
    for (const labels of series) counter.inc(labels, 0);
    return counter;
  };
}

/** What most requests come to; any other code is a series from its first event on. */
export const USUAL_CODES = [
  ...['200', '202', '204', '400', '401', '403', '404', '410', '413', '429'],
  ...['500', '502', '503', '504', 'ECONNREFUSED', 'ECONNRESET', 'TIMED_OUT'],
] as const;
