import { applyTemperature, temperatureOf } from '../../../src/pipeline/2-blending/temperature.ts';
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

const NO_ENTROPY = 'entropy of the weights is read by no stage and is not computed';

export const vectorComponent: VectorComponent = {
  component: 'blending_temperature',
  run({ temperatures, horizon, weights }: TemperatureInput) {
    const given = temperatures !== null && Object.keys(temperatures).length > 0;
    const settings = given ? { temperature: temperatures, temperatureDefault: 1 } : REFERENCE_TEMPERATURES;
    const temperature = temperatureOf(horizon, settings);
    const names = Object.keys(weights);
    const values = Float64Array.from(names, (name) => weights[name]!);
    applyTemperature(values, temperature);
    return { temperature, weights: Object.fromEntries(names.map((name, m) => [name, values[m]!])) };
  },
  deviatingFields: () => ({ entropy_before: NO_ENTROPY, entropy_after: NO_ENTROPY }),
};
