import { resolveSettings } from '../../src/config/resolve.ts';
import { scenarioSchema } from '../../src/config/schema.ts';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { ModelColumn, SignalLayout } from '../../src/events/layout.ts';
import { createPrng } from '../../src/math/prng.ts';
import { createPredictionWriter } from '../../src/models/prediction-writer.ts';
import { type RunIdentity, runIdentity } from '../../src/modes/run-identity.ts';
import type { MarketDataset } from '../../src/ports/market-data.ts';
import { cyclesIn } from '../../src/sources/session-timeline.ts';

/** The size every figure is given for: 10 symbols, 6 horizons, 3 families. */
export const BENCH = {
  symbols: 10,
  horizons: ['5m', '10m', '15m', '30m', '60m', '1d'],
  families: ['Linear', 'Network', 'Trees'],
} as const;

const FEATURES = [
  'ret_1d',
  'ret_5d',
  'ret_20d',
  'vol_20d',
  'rsi_14',
  'ma_ratio_20',
  'bb_position',
  'volume_ma_ratio',
];

export function benchLayout(symbols: readonly string[]): SignalLayout {
  const columns = BENCH.horizons.flatMap((label) =>
    BENCH.families.map((family): ModelColumn => {
      const target = `ret_${label}`;
      return {
        id: `${target}/bench/${family}`,
        target,
        view: 'bench',
        family,
        kind: 'return',
        horizon: parseHorizon(label),
        modelSha256: '0'.repeat(64),
        shape: 'tabular',
        features: FEATURES,
        intervalMinutes: 1,
        sequenceLength: 1,
        takesNan: true,
      };
    }),
  );
  return { symbols, columns: columns.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

export function benchIdentity(dataset: MarketDataset, sessions: readonly string[]): RunIdentity {
  const horizons = BENCH.horizons.map(parseHorizon);
  const scenario = scenarioSchema.parse({
    name: 'bench',
    data: { dataset: 'bench' },
    horizons: [...BENCH.horizons],
    // lets a few symbol-cycles in a hundred trade: orders, fills and what is learned from them are part of what is measured
    arbitration: { entryThresholdBps: 0.25, k2: 0 },
    learning: { algorithm: 'exp3ix' },
  });
  return runIdentity({
    scenario: 'bench',
    codeSha256: '0'.repeat(64),
    datasetSha256: dataset.sha256,
    barSeconds: dataset.barSeconds,
    sessions,
    horizons,
    layout: benchLayout(dataset.symbols),
    settings: resolveSettings(scenario).engine,
  });
}

/** Writes a recording of made-up predictions, the way a live run's are recorded, for the benchmark to read back. */
export async function recordBenchPredictions(spec: {
  readonly path: string;
  readonly dataset: MarketDataset;
  readonly layout: SignalLayout;
  readonly key: string;
}): Promise<void> {
  const { path, dataset, layout, key } = spec;
  const writer = await createPredictionWriter({ path, layout, key });
  const random = createPrng(['bench predictions']);
  const size = layout.columns.length * layout.symbols.length;
  const common = new Float32Array(layout.symbols.length);
  const values = new Float32Array(size);
  const valid = new Uint8Array(size).fill(1);
  const cycles = dataset.sessions.reduce((sum, session) => sum + cyclesIn(session, 1), 0);
  for (let cycle = 1; cycle <= cycles; cycle += 1) {
    for (let i = 0; i < common.length; i += 1) common[i] = common[i]! * 0.9 + (random() - 0.5) * 1e-3;
    for (let k = 0; k < size; k += 1) values[k] = common[k % common.length]! + (random() - 0.5) * 1e-3;
    writer.append({ cycle, values, valid });
  }
  await writer.finish();
}
