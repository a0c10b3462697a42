import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { SignalLayout } from '../../src/events/layout.ts';
import { createOnnxInference } from '../../src/models/onnx-inference.ts';
import { encodeOnnxModel } from '../../src/models/onnx-writer.ts';
import { predictionKey } from '../../src/models/prediction-key.ts';
import { loadRunRoot } from '../../src/models/run-root.ts';
import { buildLayout } from '../../src/models/signal-layout.ts';
import { FEATURES, linearBytes, type ModelSpec, temporaryFolder, writeRunRoot } from './fixtures.ts';

const base = await temporaryFolder();
let folders = 0;
type Meta = Readonly<Record<string, unknown>>;

/** Two probabilities a row, for readings of several numbers. */
const PAIR = encodeOnnxModel({
  name: 'pair',
  input: { name: 'features', dims: ['N', 3] },
  output: { name: 'prediction', dims: ['N', 2] },
  constants: [
    { name: 'w', dims: [3, 2], values: [1, 0, 0, 1, 0, 0] },
    { name: 'b', dims: [2], values: [0.25, 0.5] },
  ],
  nodes: [{ op: 'Gemm', inputs: ['features', 'w', 'b'], outputs: ['prediction'] }],
});
const LINEAR: ModelSpec = { target: 'ret_5m', family: 'Odd', bytes: linearBytes() };

interface Answered {
  readonly layout: SignalLayout;
  readonly key: string;
  readonly values: readonly number[];
}

/** What a run root says of fixed features, and the address it would be kept under. */
async function answersOf(spec: ModelSpec, meta: Meta): Promise<Answered> {
  folders++;
  const models = [{ ...spec, meta: { ...spec.meta, ...meta } }, LINEAR].slice(
    0,
    spec.target === 'ret_5m' ? 1 : 2,
  );
  const dir = await writeRunRoot(join(base, `root-${folders}`), models);
  const runRoot = await loadRunRoot(dir, { strict: true, knownFeatures: [...FEATURES, 'ret_5d'] });
  const layout = buildLayout(runRoot, { symbols: ['A', 'B'], horizons: [parseHorizon('5m')] });
  const key = predictionKey({
    layout,
    datasetSha256: 'd'.repeat(64),
    sessions: ['2024-01-02'],
    cycleMinutes: 5,
    featuresVersion: '1',
    runtimeVersion: '1',
  });
  const inference = await createOnnxInference({ runRoot, layout });
  const { values } = await inference.infer({
    cycle: 1,
    batches: layout.columns.map(({ sequenceLength }) =>
      Float32Array.from({ length: 6 * sequenceLength }, (_, i) => i / 100),
    ),
    usable: new Uint8Array(layout.columns.length * 2).fill(1),
  });
  await inference.close();
  return { layout, key, values: [...values] };
}

describe('the address of kept predictions', () => {
  const barriers = { output_kind: 'barriers', outputs: { peak: { column: 0 }, valley: { column: 1 } } };
  const quantiles = { output_kind: 'quantiles', quantiles: [0.4, 0.6], statistic: 'median' };
  const support = { output_kind: 'distribution', support: [-1, 1], statistic: 'mean' };
  const parameters = { output_kind: 'parameters', parameters: ['mean', 'median'], statistic: 'mean' };
  const pair = (meta: Meta): ModelSpec => ({ target: 'ret_5m', family: 'Odd', bytes: PAIR, meta });
  const pairOfBarriers: ModelSpec = { ...pair(barriers), target: 'will_peak_valley_5m' };

  it.each<[string, ModelSpec, Meta]>([
    ['feature_list', LINEAR, { feature_list: [...FEATURES].reverse() }],
    ['interval_minutes', LINEAR, { interval_minutes: 5 }],
    ['takes_nan', LINEAR, { takes_nan: true }],
    ['output', LINEAR, { output: 'prediction' }],
    ['output under output_kind', pair(quantiles), { output: 'prediction' }],
    ['output_kind', pair(quantiles), support],
    ['quantiles', pair(quantiles), { quantiles: [0.3, 0.6] }],
    ['statistic of quantiles', pair(quantiles), { statistic: 'mean' }],
    ['support', pair(support), { support: [-1, 2] }],
    ['parameters', pair(parameters), { parameters: ['median', 'mean'] }],
    ['statistic of parameters', pair(parameters), { statistic: 'median' }],
    ['column of a barrier', pairOfBarriers, { outputs: { peak: { column: 1 }, valley: { column: 1 } } }],
    ['output of all barriers', pairOfBarriers, { output: 'prediction' }],
    [
      'output of a barrier',
      pairOfBarriers,
      { outputs: { peak: { column: 0, output: 'prediction' }, valley: { column: 1 } } },
    ],
  ])('changes with %s', async (_, spec, meta) => {
    const [before, after] = [await answersOf(spec, {}), await answersOf(spec, meta)];
    expect(after.key).not.toBe(before.key);
    expect(after.layout).not.toEqual(before.layout);
  });

  it.each<[string, Meta]>([
    ['metrics', { metrics: { rmse: 0.5 } }],
    ['sequence_length of a tabular model, null or 1', { sequence_length: 1 }],
    ['cross_sectional_ranking, which is for what is done with them', { cross_sectional_ranking: true }],
    ['a key that is none of ours', { trainer: 'somebody' }],
  ])('does not need %s: the predictions are the same', async (_, meta) => {
    const [before, after] = [await answersOf(LINEAR, {}), await answersOf(LINEAR, meta)];
    expect(after.values).toEqual(before.values);
    expect(after.key).toBe(before.key);
  });
});
