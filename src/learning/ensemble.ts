import type { LearningSettings } from '../domain/settings.ts';

/**
 * Weights given by the scenario, one an arm, sum 1. An arm without one counts as 1/K before they are normalised, and
 * if all are 0, or none is given, they are equal.
 * @param given by horizon label, none negative
 */
export function staticWeights(
  given: Readonly<Record<string, number>>,
  arms: readonly string[],
): Float64Array {
  if (Object.keys(given).length === 0) return new Float64Array(arms.length).fill(1 / arms.length);
  const weights = Float64Array.from(arms, (arm) =>
    Object.hasOwn(given, arm) ? given[arm] : 1 / arms.length,
  );
  let sum = 0;
  for (const weight of weights) sum += weight;
  for (let i = 0; i < weights.length; i += 1) weights[i] = sum > 0 ? weights[i] / sum : 1 / arms.length;
  return weights;
}

/** Share b of the learned weights: 0 until `rampStartRewards`, then rising to `blend` over `rampRewards` more. */
export function blendShare(
  rewards: number,
  settings: Pick<LearningSettings, 'blend' | 'rampStartRewards' | 'rampRewards'>,
): number {
  const { blend, rampStartRewards, rampRewards } = settings;
  const beyond = rewards - rampStartRewards;
  if (rampRewards === 0) return beyond >= 0 ? blend : 0;
  return blend * Math.min(1, Math.max(0, beyond / rampRewards));
}

/** omega = (1 - b) * static + b * learned, written into `out`; all K long. */
export function combineWeights(
  { fixed, learned }: { readonly fixed: Float64Array; readonly learned: Float64Array },
  share: number,
  out: Float64Array,
): void {
  for (let i = 0; i < out.length; i += 1) out[i] = (1 - share) * fixed[i] + share * learned[i];
}
