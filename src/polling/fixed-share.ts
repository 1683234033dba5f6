/**
 * One step of fixed share (Herbster and Warmuth, "Tracking the best expert", 1998), in place.
 *
 * Each forecaster's weight is multiplied with the probability that it gave to what happened. Then
 * `share` of the total is divided equally among all. So the best forecaster leads within a few
 * observations, and one that was wrong for long can lead again soon after the service changes.
 */
export function updateFixedShare(
  weights: Float64Array,
  probabilities: readonly number[],
  share: number,
): void {
  let total = 0;
  for (const [index, weight] of weights.entries()) total += weight * (probabilities[index] ?? 0);
  if (!(total > 0)) return;
  for (const [index, weight] of weights.entries()) {
    const posterior = (weight * (probabilities[index] ?? 0)) / total;
    weights[index] = (1 - share) * posterior + share / weights.length;
  }
}

/** Equal weights for `count` forecasters: where fixed share starts. */
export function equalWeights(count: number): Float64Array {
  return new Float64Array(count).fill(1 / count);
}
