import { describe, expect, it } from 'vitest';
import { noteAnswers, silentAtFirst, silentWarnings } from '../../src/modes/silent-models.ts';
import {
  applySlice,
  createFeatureEngine,
  type FeatureEngine,
  openSession,
} from '../../src/pipeline/0-features/feature-engine.ts';
import {
  featuresNeverThere,
  missingFeatures,
  newestFeatures,
} from '../../src/pipeline/0-features/missing-features.ts';
import { column, layout, session } from '../prediction/fixtures.ts';
import { marketTable, slicesOf, type TradeRow } from './market.ts';

const SYMBOLS = ['AAA', 'BBB'];
const DAY = session(0);
const FEATURES = ['ret_1d', 'volume_change', 'rsi_7'];
const LAYOUT = layout(
  [
    column({ family: 'tabular', features: FEATURES }),
    column({ family: 'sequence', features: FEATURES, sequenceLength: 3, shape: 'sequence' }),
    column({
      family: 'hourly',
      features: ['ret_1d'],
      intervalMinutes: 60,
      sequenceLength: 8,
      shape: 'sequence',
    }),
    column({ family: 'tolerant', features: FEATURES, takesNan: true }),
  ],
  SYMBOLS,
);

/** Ten zigzag minutes of the first symbol, whose volume is known in one of them. */
function fed(volume: (minute: number) => number): FeatureEngine {
  const engine = createFeatureEngine({ layout: LAYOUT, barSeconds: 60 });
  openSession(engine, DAY);
  const rows = Array.from({ length: 10 }, (_, k): TradeRow => {
    const close = 100 + (k % 2);
    return { minute: k + 1, symbol: 0, high: close, low: close, close, volume: volume(k + 1) };
  });
  const table = marketTable(rows, SYMBOLS, DAY.openUs);
  for (const slice of slicesOf(table)) applySlice(engine, slice, Int32Array.of(0, 1));
  return engine;
}

describe('features that are missing', () => {
  it('are NaN among those that are there, for a masked symbol too', () => {
    const engine = fed(() => 0);
    for (const plan of engine.plans.filter(({ codes }) => codes.length === 3)) {
      const [change, volume, rsi] = newestFeatures(engine, plan, 0);
      expect(change).toBe(Math.fround(101 / 100 - 1));
      expect(volume).toBeNaN();
      expect(rsi).toBeGreaterThan(0);
      expect([...newestFeatures(engine, plan, 1)]).toEqual([NaN, NaN, NaN]);
      expect(featuresNeverThere(plan)).toEqual(['volume_change']);
    }
  });

  it('are named in any row that a sequence model would read, and in the newest of a tabular one', () => {
    const engine = fed((minute) => (minute === 7 ? 0 : 100));
    const [tabular, sequence] = engine.plans;
    // 8th of 10 bars: over a volume of 0, which the oldest of three rows still shows
    expect(missingFeatures(engine, sequence!, 0)).toEqual(['volume_change']);
    expect(missingFeatures(engine, tabular!, 0)).toEqual([]);
    expect([...newestFeatures(engine, sequence!, 0)]).toEqual([...newestFeatures(engine, tabular!, 0)]);
    expect(featuresNeverThere(sequence!)).toEqual([]);
  });
});

describe('models that never answered', () => {
  const ids = LAYOUT.columns.map(({ id }) => id);
  const answersOf = (...columns: number[]) => {
    const valid = new Uint8Array(ids.length * SYMBOLS.length);
    for (const c of columns) valid[c * SYMBOLS.length + 1] = 1;
    return { cycle: 1, values: new Float32Array(valid.length), valid };
  };

  it('are told by cause, until each has given one answer', () => {
    const silent = silentAtFirst(LAYOUT);
    const { length } = silentWarnings(
      silent,
      fed(() => 0),
    );
    expect(length).toBe(3);
    noteAnswers(silent, answersOf(3));
    expect(
      silentWarnings(
        silent,
        fed(() => 0),
      ),
    ).toEqual([
      `models ${ids[0]}, ${ids[1]} never answered for any symbol: no symbol ever had volume_change`,
      `model ${ids[2]} never answered for any symbol: no bar of 60 minutes had a trade`,
    ]);
    noteAnswers(silent, answersOf(0, 1, 2));
    expect(
      silentWarnings(
        silent,
        fed(() => 0),
      ),
    ).toEqual([]);
  });

  it('are told apart from models that had what they read', () => {
    const silent = silentAtFirst(LAYOUT);
    noteAnswers(silent, answersOf(1, 2, 3));
    expect(
      silentWarnings(
        silent,
        fed(() => 100),
      ),
    ).toEqual([`model ${ids[0]} never answered for any symbol: it was asked, and failed`]);
  });
});
