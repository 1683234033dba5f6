/** Mass over a run of bins: an observation of which only an interval is known. */
export interface Spread {
  firstBin: number;
  /** Sums to 1. */
  mass: Float64Array;
}

/** A smaller mass would be lost in a 32-bit float. */
const NEGLIGIBLE = 1e-7;

/**
 * A histogram that forgets. Every addition first fades what is there, so that after `halfLife`
 * additions an old one counts half. Additions are blurred with a triangle, because an observation
 * also makes the times near it more likely.
 *
 * It has 32-bit floats, because a process that knows many product types needs most of its memory
 * for these arrays.
 */
export class DecayedHistogram {
  /** Faded masses. Their sum is at most {@link count}: parts of additions fall off the ends. */
  readonly mass: Float32Array;
  readonly #keep: number;
  readonly #blurBins: number;
  /** The faded number of additions. It tends to about `halfLife / ln 2`. */
  count = 0;

  /** `halfLife` is in additions. The triangle reaches `blurBins` bins to either side. */
  constructor(bins: number, { halfLife, blurBins }: { halfLife: number; blurBins: number }) {
    this.mass = new Float32Array(bins);
    this.#keep = 0.5 ** (1 / halfLife);
    this.#blurBins = blurBins;
  }

  /** Adds one observation, moved by `shift` bins. What falls off the ends is lost. */
  add(spread: Spread, shift = 0): void {
    const { mass } = this;
    const keep = this.#keep;
    const blurBins = this.#blurBins;
    const width = blurBins + 1;
    this.count = this.count * keep + 1;
    for (let bin = 0; bin < mass.length; bin++) mass[bin] = (mass[bin] ?? 0) * keep;
    for (let index = 0; index < spread.mass.length; index++) {
      const part = spread.mass[index] ?? 0;
      if (part < NEGLIGIBLE) continue;
      const unit = part / (width * width);
      const centre = spread.firstBin + index + shift;
      const last = Math.min(mass.length - 1, centre + blurBins);
      for (let bin = Math.max(0, centre - blurBins); bin <= last; bin++) {
        mass[bin] = (mass[bin] ?? 0) + unit * (width - Math.abs(bin - centre));
      }
    }
  }
}
