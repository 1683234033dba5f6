/** Beliefs about the remaining time of one upload, from history and from progress. Pure. */
import type { TimeInterval } from './belief.js';
import { ratioPosition } from './progress.js';
import { binOf, cumulate, FINE, normalize } from './time-grid.js';

/** The least mass of a cell: a belief that rules a time out may be wrong. */
const LEAST_MASS = 1e-9;

/**
 * Offsets from now. Cell i is `(edgesMs[i], edgesMs[i + 1]]`. The first cell ends at the soonest
 * moment of a poll, and further ones grow by a constant ratio. The last edge is the deadline; its
 * cell also holds what comes later.
 */
export interface OffsetGrid {
  edgesMs: Float64Array;
  logFirst: number;
  logRatio: number;
}

/** Of a logarithm: a deadline that is a power of the ratio must not get a cell without width by rounding. */
const ROUNDING = 1e-9;

export function offsetGrid(soonestMs: number, deadlineMs: number, ratio: number): OffsetGrid {
  const logRatio = Math.log(ratio);
  const steps = Math.max(1, Math.ceil(Math.log(deadlineMs / soonestMs) / logRatio - ROUNDING));
  const edgesMs = new Float64Array(steps + 2);
  let edgeMs = soonestMs;
  for (let index = 1; index <= steps; index++) {
    edgesMs[index] = edgeMs;
    edgeMs *= ratio;
  }
  edgesMs[steps + 1] = Math.max(deadlineMs, edgesMs[steps] ?? 0);
  return { edgesMs, logFirst: Math.log(soonestMs), logRatio };
}

/**
 * Masses over the cells of `grid`, from the belief about T and the fact that T is later than
 * `elapsedMs`. `sums` are running sums over the fine time grid.
 */
export function remainingByHistory(
  sums: Float64Array,
  elapsedMs: number,
  { edgesMs }: OffsetGrid,
): Float64Array {
  const cells = edgesMs.length - 1;
  const mass = new Float64Array(cells);
  let bin = binOf(FINE, elapsedMs);
  let before = 0;
  // Edge 0 is now. The mass before it is past.
  for (let edge = 0; edge < cells; edge++) {
    const timeMs = elapsedMs + (edgesMs[edge] ?? 0);
    while (bin < FINE.bins - 1 && (FINE.edgesMs[bin + 1] ?? 0) <= timeMs) bin++;
    const low = FINE.edgesMs[bin] ?? 0;
    const share = Math.min(1, (timeMs - low) / ((FINE.edgesMs[bin + 1] ?? 0) - low));
    const start = sums[bin] ?? 0;
    const by = start + share * ((sums[bin + 1] ?? 0) - start);
    if (edge > 0) mass[edge - 1] = Math.max(LEAST_MASS, by - before);
    before = by;
  }
  mass[cells - 1] = Math.max(LEAST_MASS, (sums[FINE.bins] ?? 1) - before);
  return normalize(mass);
}

/** Masses over the cells, from the distribution of ratios times the straight line's time. */
export function remainingByProgress(
  ratioMass: Float64Array,
  straightMs: number,
  { edgesMs, logFirst, logRatio }: OffsetGrid,
): Float64Array {
  const sums = cumulate(ratioMass);
  const cells = edgesMs.length - 1;
  const mass = new Float64Array(cells);
  const logStraight = Math.log(straightMs);
  let before = 0;
  for (let cell = 0; cell < cells - 1; cell++) {
    const position = ratioPosition(logFirst + cell * logRatio - logStraight);
    const by = valueAt(sums, position);
    mass[cell] = Math.max(LEAST_MASS, by - before);
    before = by;
  }
  mass[cells - 1] = Math.max(LEAST_MASS, 1 - before);
  return normalize(mass);
}

/**
 * Progress times the square root of history, as a density over the logarithm of time. The ratios
 * were learned from the same uploads as history, so history at full strength would count twice.
 */
export function remainingByBoth(
  byHistory: Float64Array,
  byProgress: Float64Array,
  elapsedMs: number,
  { edgesMs }: OffsetGrid,
): Float64Array {
  const mass = new Float64Array(byHistory.length);
  for (let cell = 0; cell < mass.length; cell++) {
    const fromMs = elapsedMs + (edgesMs[cell] ?? 0);
    const toMs = elapsedMs + (edgesMs[cell + 1] ?? 0);
    const logWidth = (2 * (toMs - fromMs)) / (toMs + fromMs);
    mass[cell] = (byProgress[cell] ?? 0) * Math.sqrt((byHistory[cell] ?? 0) / logWidth);
  }
  return normalize(mass);
}

/** The probability of a remaining time in `(fromMs, toMs]`. Mass is even within a cell. */
export function probabilityWithin(
  mass: Float64Array,
  { edgesMs }: OffsetGrid,
  { fromMs, toMs }: TimeInterval,
): number {
  let sum = 0;
  for (let cell = 0; cell < mass.length; cell++) {
    const low = edgesMs[cell] ?? 0;
    if (low >= toMs) break;
    const high = edgesMs[cell + 1] ?? 0;
    const overlap = Math.min(high, toMs) - Math.max(low, fromMs);
    if (overlap > 0) sum += ((mass[cell] ?? 0) * overlap) / (high - low);
  }
  return sum;
}

function valueAt(sums: Float64Array, position: number): number {
  const last = sums.length - 1;
  if (position <= 0) return 0;
  if (position >= last) return sums[last] ?? 1;
  const bin = Math.floor(position);
  const before = sums[bin] ?? 0;
  return before + (position - bin) * ((sums[bin + 1] ?? 0) - before);
}
