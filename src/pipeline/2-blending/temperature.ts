import type { BlendingSettings } from '../../domain/settings.ts';
import { exp, ln } from '../../math/elementary.ts';

/** Temperature of a horizon by its label; the default where the scenario names none. */
export function temperatureOf(
  label: string,
  { temperature, temperatureDefault }: Pick<BlendingSettings, 'temperature' | 'temperatureDefault'>,
): number {
  return Object.hasOwn(temperature, label) ? temperature[label] : temperatureDefault;
}

/**
 * Flattens weights in place: `w^T`, renormalised, for 0 < T < 1; the shorter a horizon, the less its estimated weights
 * are trusted. T >= 1 leaves them as they are (a temperature never sharpens), T <= 0 makes them equal. Weights that are
 * not positive become 0; when none is positive they are left alone.
 */
export function applyTemperature(weights: Float64Array, temperature: number): void {
  if (temperature >= 1) return;
  if (temperature <= 0) {
    weights.fill(1 / weights.length);
    return;
  }
  if (!weights.some(isPositive)) return;
  let total = 0;
  for (let m = 0; m < weights.length; m++) {
    weights[m] = weights[m] > 0 ? exp(temperature * ln(weights[m])) : 0;
    total += weights[m];
  }
  for (let m = 0; m < weights.length; m++) weights[m] /= total;
}

/**
 * Shannon entropy of the shares of the positive weights, nats: 0 when one family has it all, ln(n) when n share
 * equally. Its exponential is how many families the blend effectively uses.
 */
export function weightEntropy(weights: Float64Array): number {
  let total = 0;
  for (let m = 0; m < weights.length; m++) total += Math.max(0, weights[m]);
  let entropy = 0;
  for (let m = 0; m < weights.length; m++) {
    if (weights[m] > 0) entropy -= (weights[m] / total) * ln(weights[m] / total);
  }
  return entropy;
}

function isPositive(weight: number): boolean {
  return weight > 0;
}
