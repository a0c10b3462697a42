import {
  applyTemperature,
  temperatureOf,
  weightEntropy,
} from '../../../src/pipeline/2-blending/temperature.ts';
import type { VectorComponent } from '../types.ts';

interface TemperatureInput {
  readonly temperatures: Readonly<Record<string, number>> | null;
  readonly horizon: string;
  readonly weights: Readonly<Record<string, number>>;
}

/** Defaults of the earlier engine, which are the scenario's too. */
export const REFERENCE_TEMPERATURES = {
  temperature: { '5m': 0.75, '10m': 0.85, '15m': 0.9, '30m': 1, '60m': 1, '1d': 1 },
  temperatureDefault: 1,
};

/** There, 1e-10 was added inside every logarithm. */
const NO_EPSILON = 'the logarithm of a share needs no epsilon';

export const vectorComponent: VectorComponent = {
  component: 'blending_temperature',
  run({ temperatures, horizon, weights }: TemperatureInput) {
    const given = temperatures !== null && Object.keys(temperatures).length > 0;
    const settings = given ? { temperature: temperatures, temperatureDefault: 1 } : REFERENCE_TEMPERATURES;
    const temperature = temperatureOf(horizon, settings);
    const names = Object.keys(weights);
    const values = Float64Array.from(names, (name) => weights[name]!);
    const entropy = () => (names.length === 0 ? null : weightEntropy(values));
    const before = entropy();
    applyTemperature(values, temperature);
    return {
      temperature,
      weights: Object.fromEntries(names.map((name, m) => [name, values[m]!])),
      entropy_before: before,
      entropy_after: entropy(),
    };
  },
  restate: ({ input, output }) => {
    const theirs = output as Pick<TemperatureInput, 'weights'>;
    const entropies = {
      entropy_before: entropyRule((input as TemperatureInput).weights),
      entropy_after: entropyRule(theirs.weights),
    };
    return { output: { ...theirs, ...entropies }, reasons: [NO_EPSILON] };
  },
};

/** `-sum(p * ln p)` of the shares that are positive. */
function entropyRule(weights: TemperatureInput['weights']): number | null {
  const positive = Object.values(weights).filter((weight) => weight > 0);
  const total = positive.reduce((sum, weight) => sum + weight, 0);
  if (Object.keys(weights).length === 0) return null;
  return positive.reduce((sum, weight) => sum - (weight / total) * Math.log(weight / total), 0);
}
