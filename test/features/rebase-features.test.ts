import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CorporateAction } from '../../src/domain/corporate-actions.ts';
import {
  applySlice,
  closeSession,
  createFeatureEngine,
  type FeatureEngine,
  featuresDigest,
  openSession,
} from '../../src/pipeline/0-features/feature-engine.ts';
import { FEATURE_NAMES } from '../../src/pipeline/0-features/feature-names.ts';
import { rebaseFeatures } from '../../src/pipeline/0-features/rebase-features.ts';
import { column, layout, session } from '../prediction/fixtures.ts';
import { marketTable, slicesOf, type TradeRow } from './market.ts';

const SYMBOLS = ['AAA', 'BBB'];
const IN_ORDER = Int32Array.of(0, 1);
const EX = { symbol: 'AAA', exDate: '2024-03-05' } as const;

function createAll(): FeatureEngine {
  const all = { features: FEATURE_NAMES, takesNan: true } as const;
  return createFeatureEngine({
    layout: layout(
      [
        column({ family: 'a', ...all }),
        column({ family: 'b', ...all, intervalMinutes: 5 }),
        column({ family: 'c', ...all, shape: 'sequence', sequenceLength: 4 }),
      ],
      SYMBOLS,
    ),
    barSeconds: 60,
  });
}

function runDay(engine: FeatureEngine, n: number, rows: readonly TradeRow[], action?: CorporateAction): void {
  const day = session(n);
  openSession(engine, day);
  if (action !== undefined) rebaseFeatures(engine, 0, action);
  for (const slice of slicesOf(marketTable(rows, SYMBOLS, day.openUs))) applySlice(engine, slice, IN_ORDER);
  closeSession(engine);
}

/** A day of both symbols; prices and volumes are multiples of the factors, so that both tellings are exact. */
const day = fc
  .array(
    fc.record({
      minute: fc.integer({ min: 1, max: 300 }),
      symbol: fc.nat(1),
      close: fc.integer({ min: 300, max: 900 }),
      up: fc.integer({ min: 0, max: 9 }),
      down: fc.integer({ min: 0, max: 9 }),
      volume: fc.integer({ min: 0, max: 500 }),
    }),
    { minLength: 5, maxLength: 80, size: 'max' },
  )
  .map((rows) => [...new Map(rows.map((row) => [`${row.minute} ${row.symbol}`, row])).values()]);

type Day = readonly {
  readonly minute: number;
  readonly symbol: number;
  readonly close: number;
  readonly up: number;
  readonly down: number;
  readonly volume: number;
}[];

/** The rows with the prices of symbol 0 in units of `price` dollars and its volumes in units of `volume` shares. */
function told(rows: Day, price: number, volume: number): TradeRow[] {
  return rows.map(({ minute, symbol, close, up, down, volume: shares }) => {
    const [p, v] = symbol === 0 ? [price, volume] : [1, 1];
    return {
      minute,
      symbol,
      close: close * p,
      high: (close + up) * p,
      low: (close - down) * p,
      volume: shares * v,
    };
  });
}

function batchesOf(engine: FeatureEngine): number[][] {
  return engine.plans.map(({ batch }) => Array.from(batch));
}

describe('features over a split', () => {
  it('are those of prices adjusted beforehand, to the bit, from the moment it applies', () => {
    fc.assert(
      fc.property(
        day,
        day,
        fc.constantFrom([1, 2], [1, 4], [8, 1]),
        (before, after, [oldShares, newShares]) => {
          const raw = createAll();
          const adjusted = createAll();
          const split = { kind: 'split', ...EX, oldShares, newShares, referencePriceE4: 1 } as const;
          runDay(raw, 0, told(before, newShares, oldShares));
          runDay(adjusted, 0, told(before, oldShares, newShares));
          openSession(raw, session(1));
          rebaseFeatures(raw, 0, split);
          expect(batchesOf(raw)).toEqual(batchesOf(adjusted));
          expect(raw.plans.map(({ history }) => history)).toEqual(
            adjusted.plans.map(({ history }) => history),
          );
          const rest = told(after, oldShares, newShares);
          runDay(raw, 1, rest);
          runDay(adjusted, 1, rest);
          expect(raw.intervals).toEqual(adjusted.intervals);
          expect(batchesOf(raw)).toEqual(batchesOf(adjusted));
          expect(raw.plans.map(({ rowState, cleanRows }) => [rowState, cleanRows])).toEqual(
            adjusted.plans.map(({ rowState, cleanRows }) => [rowState, cleanRows]),
          );
        },
      ),
      // shrinking days of eighty bars takes minutes
      { numRuns: 40, endOnFailure: true },
    );
  });

  it('leave other symbols alone, and are another digest', () => {
    const engine = createAll();
    const rows = Array.from({ length: 60 }, (_, k) => ({
      minute: 1 + (k >> 1),
      symbol: k & 1,
      close: 100 + (k % 7),
      up: 1,
      down: 1,
      volume: 10 + k,
    }));
    runDay(engine, 0, told(rows, 1, 1));
    const other = JSON.stringify(engine.intervals.map(({ series }) => series[1]));
    const digest = featuresDigest(engine);
    const hashed = [...engine.plans[2]!.rowsHash.h];
    rebaseFeatures(engine, 0, { kind: 'split', ...EX, oldShares: 1, newShares: 3, referencePriceE4: 1 });
    expect(JSON.stringify(engine.intervals.map(({ series }) => series[1]))).toBe(other);
    expect(featuresDigest(engine)).not.toBe(digest);
    expect([...engine.plans[2]!.rowsHash.h]).not.toEqual(hashed);
  });

  it('and a bar in the making goes on in the new terms', () => {
    const engine = createAll();
    const open = { ...session(0) };
    openSession(engine, open);
    const bars = told([{ minute: 6, symbol: 0, close: 80, up: 8, down: 4, volume: 100 }], 1, 1);
    for (const slice of slicesOf(marketTable(bars, SYMBOLS, open.openUs)))
      applySlice(engine, slice, IN_ORDER);
    rebaseFeatures(engine, 0, { kind: 'split', ...EX, oldShares: 1, newShares: 4, referencePriceE4: 1 });
    const five = engine.intervals[1]!;
    expect([five.highE4[0], five.lowE4[0], five.closeE4[0], five.volume[0]]).toEqual([
      220_000, 190_000, 200_000, 400,
    ]);
  });
});

describe('features over a dividend', () => {
  it('see total returns: a price that only falls by the dividend has returned nothing', () => {
    const engine = createAll();
    const flat = (close: number, minutes: number) =>
      told(
        Array.from({ length: minutes }, (_, k) => ({
          minute: k + 1,
          symbol: 0,
          close,
          up: 0,
          down: 0,
          volume: 5,
        })),
        1,
        1,
      );
    runDay(engine, 0, flat(100, 80));
    const action = { kind: 'dividend', ...EX, cashMicros: 4_000_000, referencePriceE4: 1_000_000 } as const;
    runDay(engine, 1, flat(96, 1), action);
    const [ret1, ret5] = engine.plans[0]!.batch;
    expect(ret1).toBeCloseTo(0, 12);
    expect(ret5).toBeCloseTo(0, 12);
    const series = engine.intervals[0]!.series[0]!;
    expect(series.volume20!.sum + series.volume20!.shift * 20).toBeCloseTo(100, 9);
  });
});
