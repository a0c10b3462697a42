import { featureCode } from '../../../src/pipeline/0-features/feature-names.ts';
import {
  createFeatureSeries,
  featureValue,
  pushBar,
} from '../../../src/pipeline/0-features/feature-series.ts';
import type { VectorComponent } from '../types.ts';

interface FeatureInput {
  readonly bars: Readonly<Record<'High' | 'Low' | 'Close', readonly (number | null)[]>> & {
    readonly Volume?: readonly (number | null)[];
  };
  readonly feature_list: readonly string[];
}

export const vectorComponent: VectorComponent = {
  component: 'models_feature_builder',
  run(input: FeatureInput) {
    const { bars, feature_list: names } = input;
    const series = createFeatureSeries();
    for (let i = 0; i < bars.Close.length; i++) {
      pushBar(series, {
        high: bars.High[i] ?? Number.NaN,
        low: bars.Low[i] ?? Number.NaN,
        close: bars.Close[i] ?? Number.NaN,
        volume: bars.Volume?.[i] ?? Number.NaN,
      });
    }
    const values: Record<string, number> = {};
    for (const name of names) {
      const code = featureCode(name);
      values[name] = code === undefined ? Number.NaN : featureValue(series, code);
    }
    const isEmpty = bars.Close.length === 0;
    return {
      values,
      float32_vector: isEmpty ? null : Array.from(Float32Array.from(names, (name) => values[name]!)),
      error: isEmpty ? 'empty_data' : null,
    };
  },
};
