/**
 * Time in bins that grow by a constant ratio. Completion times span seconds to hours, and their
 * relative size is what matters. A distribution is an array of masses, one per bin, that sum to 1.
 * Its cumulative form has one entry more, from 0 to 1.
 *
 * There are two grids over the same range. The coarse one is for distributions that are smooth
 * anyway. The fine one is for those that may be sharp; {@link FINE_PER_COARSE} of its bins make one
 * bin of the coarse grid.
 */

/** Shorter than any poll interval that makes sense over a network. */
const FIRST_EDGE_MS = 50;
/** All later times share the last bin. Three hours are three default deadlines. */
const LAST_EDGE_MS = 3 * 3_600_000;
/**
 * Measured on a service that takes 50 s give or take 0.3 s: with 1.25 % its cost is 20 % above the
 * least possible, with 3 % it is 50 % above.
 */
export const FINE_RATIO = 1.0125;

export const FINE_PER_COARSE = 4;

export interface TimeGrid {
  readonly bins: number;
  /** `bins + 1` edges, in milliseconds. The first is 0. */
  readonly edgesMs: Float64Array;
  /** The natural logarithm of the ratio of neighbouring edges. */
  readonly logRatio: number;
}

function timeGrid(logRatio: number, bins: number): TimeGrid {
  const edgesMs = Float64Array.from({ length: bins + 1 }, (_, bin) =>
    bin === 0 ? 0 : FIRST_EDGE_MS * Math.exp(bin * logRatio),
  );
  return { bins, edgesMs, logRatio };
}

const COARSE_LOG_RATIO = FINE_PER_COARSE * Math.log(FINE_RATIO);
const COARSE_BINS = Math.ceil(Math.log(LAST_EDGE_MS / FIRST_EDGE_MS) / COARSE_LOG_RATIO);

export const COARSE: TimeGrid = timeGrid(COARSE_LOG_RATIO, COARSE_BINS);
export const FINE: TimeGrid = timeGrid(
  COARSE_LOG_RATIO / FINE_PER_COARSE,
  COARSE_BINS * FINE_PER_COARSE,
);

/** The bin that holds `timeMs`. Times outside the grid belong to the bins at its ends. */
export function binOf({ bins, logRatio }: TimeGrid, timeMs: number): number {
  if (timeMs <= FIRST_EDGE_MS) return 0;
  return Math.min(bins - 1, Math.floor(Math.log(timeMs / FIRST_EDGE_MS) / logRatio));
}

/** The mass in `(fromMs, toMs]`, spread evenly within each bin. */
export function massWithin(
  grid: TimeGrid,
  mass: ArrayLike<number>,
  fromMs: number,
  toMs: number,
): number {
  const last = binOf(grid, toMs);
  let sum = 0;
  for (let bin = binOf(grid, fromMs); bin <= last; bin++) {
    sum += (mass[bin] ?? 0) * overlapShare(grid, bin, fromMs, toMs);
  }
  return sum;
}

/** The share of `bin` that lies in `(fromMs, toMs]`. The last bin holds all later times. */
export function overlapShare(
  { bins, edgesMs }: TimeGrid,
  bin: number,
  fromMs: number,
  toMs: number,
): number {
  const low = edgesMs[bin] ?? 0;
  const high = edgesMs[bin + 1] ?? 0;
  if (bin === bins - 1 && toMs > high) return 1;
  return Math.max(0, Math.min(high, toMs) - Math.max(low, fromMs)) / (high - low);
}

/** Running sums of `mass`, starting at 0. */
export function cumulate(mass: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(mass.length + 1);
  let sum = 0;
  for (let bin = 0; bin < mass.length; bin++) {
    sum += mass[bin] ?? 0;
    sums[bin + 1] = sum;
  }
  return sums;
}

/** Scales `mass` in place so that it sums to 1, and returns it. */
export function normalize(mass: Float64Array): Float64Array {
  let sum = 0;
  for (let bin = 0; bin < mass.length; bin++) sum += mass[bin] ?? 0;
  for (let bin = 0; bin < mass.length; bin++) mass[bin] = (mass[bin] ?? 0) / sum;
  return mass;
}
