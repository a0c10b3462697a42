import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelColumn } from '../../src/events/layout.ts';
import {
  applySlice,
  buildBatches,
  closeSession,
  createFeatureEngine,
  type FeatureEngine,
  featuresDigest,
  openSession,
} from '../../src/pipeline/0-features/feature-engine.ts';
import { column, layout, session } from '../prediction/fixtures.ts';
import { marketTable, slicesOf, type TradeRow } from './market.ts';
import { type Bar, rescanFeatures } from './rescan.ts';

const SYMBOLS = ['AAA', 'BBB', 'CCC'];
const IN_ORDER = Int32Array.of(0, 1, 2);
const DAY = session(0);

function model(family: string, options: Partial<ModelColumn>): ModelColumn {
  return column({ family, features: ['ret_1d', 'high_low_range'], ...options });
}

function engineFor(columns: readonly ModelColumn[], symbols = SYMBOLS): FeatureEngine {
  return createFeatureEngine({ layout: layout(columns, symbols), barSeconds: 60 });
}

function bar(minute: number, symbol: number, close: number, more: Partial<TradeRow> = {}): TradeRow {
  return { minute, symbol, close, high: close + 0.5, low: close - 0.5, volume: 100, ...more };
}

function feed(engine: FeatureEngine, rows: readonly TradeRow[], day = DAY, universeIxOf = IN_ORDER): void {
  for (const slice of slicesOf(marketTable(rows, SYMBOLS, day.openUs)))
    applySlice(engine, slice, universeIxOf);
}

describe('feature engine', () => {
  it('groups columns with the same inputs into one plan and one batch', () => {
    const engine = engineFor([
      model('a', {}),
      model('b', { intervalMinutes: 5 }),
      model('c', {}),
      model('d', { takesNan: true }),
    ]);
    const { batches } = buildBatches(engine);
    expect(engine.plans).toHaveLength(3);
    expect(batches[0]).toBe(batches[2]);
    expect(batches[0]).not.toBe(batches[1]);
    expect(batches[0]).not.toBe(batches[3]);
    expect(batches[0]).toHaveLength(3 * 2);
  });

  it('pads a universe of one symbol to two rows', () => {
    const engine = engineFor([model('a', {})], ['AAA']);
    expect(buildBatches(engine).batches[0]).toHaveLength(2 * 2);
  });

  it('closes a bar with the slice that ends it, from all trades since the last one', () => {
    const engine = engineFor([
      model('a', { intervalMinutes: 5, features: ['high_low_range', 'ret_1d', 'atr_14'], takesNan: true }),
    ]);
    openSession(engine, DAY);
    feed(engine, [bar(1, 0, 100), bar(4, 0, 108)]);
    expect(buildBatches(engine).usable[0]).toBe(0);
    feed(engine, [bar(5, 0, 104)]);
    feed(engine, [bar(10, 0, 106)]);
    const { batches, usable } = buildBatches(engine);
    expect(usable[0]).toBe(1);
    expect(batches[0]![0]).toBe(Math.fround(1 / 106));
    expect(batches[0]![1]).toBe(Math.fround(106 / 104 - 1));
    expect(engine.intervals[0]!.series[0]!.trueRange14!.values[0]).toBe(108.5 - 99.5);
  });

  it('closes a bar that ended without a slice as soon as a later slice shows it, before applying that slice', () => {
    const engine = engineFor([model('a', { intervalMinutes: 5 })]);
    openSession(engine, DAY);
    feed(engine, [bar(3, 0, 100), bar(12, 0, 200), bar(15, 0, 210)]);
    expect(engine.intervals[0]!.series[0]!.bars).toBe(2);
    expect(buildBatches(engine).batches[0]![0]).toBe(Math.fround(1.1));
  });

  it('pushes no bar for a symbol that did not trade, and passes over quotes, strangers and rows outside the session', () => {
    const engine = engineFor([model('a', {})], ['AAA', 'BBB']);
    openSession(engine, DAY);
    feed(
      engine,
      [bar(0, 0, 1), bar(391, 0, 1), bar(1, 0, 100), bar(1, 1, 50, { isQuoteOnly: true }), bar(1, 2, 70)],
      DAY,
      Int32Array.of(0, 1, -1),
    );
    expect(engine.intervals[0]!.series.map((series) => series.bars)).toEqual([1, 0]);
  });

  it('maps table symbols to universe symbols', () => {
    const engine = engineFor([model('a', {})], ['BBB', 'CCC']);
    openSession(engine, DAY);
    feed(engine, [bar(1, 0, 10), bar(1, 2, 30)], DAY, Int32Array.of(-1, 0, 1));
    expect(engine.intervals[0]!.series.map((series) => series.bars)).toEqual([0, 1]);
  });

  it('closes the last, shorter bar at the close of a half day and starts afresh the next morning', () => {
    const half = session(0, 210);
    const engine = engineFor([model('a', { intervalMinutes: 60 })]);
    openSession(engine, half);
    feed(engine, [bar(60, 0, 100), bar(200, 0, 101), bar(210, 0, 102)], half);
    expect(engine.intervals[0]!.series[0]!.bars).toBe(2);
    closeSession(engine);
    expect(engine.intervals[0]!.series[0]!.bars).toBe(2);
    openSession(engine, session(1));
    feed(engine, [bar(60, 0, 103)], session(1));
    expect(engine.intervals[0]!.series[0]!.bars).toBe(3);
  });

  it('closes at session end what no later slice closed', () => {
    const engine = engineFor([model('a', { intervalMinutes: 390 })]);
    openSession(engine, DAY);
    feed(engine, [bar(7, 0, 100)]);
    closeSession(engine);
    expect(engine.intervals[0]!.series[0]!.bars).toBe(1);
  });

  it('masks and zero-fills a symbol with a missing feature, feeds NaN to a model that takes it, and counts why', () => {
    const engine = engineFor([model('a', {}), model('d', { takesNan: true })]);
    openSession(engine, DAY);
    feed(engine, [bar(1, 0, 100), bar(1, 1, 50), bar(2, 1, 51)]);
    const { batches, usable } = buildBatches(engine);
    expect([...usable]).toEqual([0, 1, 0, 1, 1, 0]);
    expect([...batches[0]!.subarray(0, 2)]).toEqual([0, 0]);
    expect(batches[1]![0]).toBeNaN();
    expect(batches[1]![1]).toBe(Math.fround(0.01));
    expect([...engine.masked.nanFeature]).toEqual([1, 0]);
    expect([...engine.masked.shortHistory]).toEqual([1, 1]);
  });

  it('masks again, with zeros, when a feature that had a value loses it', () => {
    const engine = engineFor([model('a', { features: ['rsi_7'] })]);
    openSession(engine, DAY);
    const zigzag = Array.from({ length: 8 }, (_, i) => bar(i + 1, 0, 100 + (i % 2)));
    feed(engine, zigzag);
    expect(buildBatches(engine).usable[0]).toBe(1);
    feed(
      engine,
      Array.from({ length: 8 }, (_, i) => bar(i + 9, 0, 102 + i)),
    );
    expect(buildBatches(engine).usable[0]).toBe(0);
    expect(buildBatches(engine).batches[0]![0]).toBe(0);
  });

  it('keeps the last T rows of a sequence, oldest first, one a bar, usable once all exist without a gap', () => {
    const engine = engineFor([
      model('s', { sequenceLength: 3, shape: 'sequence', features: ['ret_1d', 'mom_5d'] }),
    ]);
    openSession(engine, DAY);
    const closes = [100, 101, 103, 106, 110, 115, 121, 128, 136];
    const rows = closes.map((close, i) => bar(i + 1, 1, close));
    feed(engine, rows.slice(0, 7));
    expect(buildBatches(engine).usable[1]).toBe(0);
    expect(buildBatches(engine).batches[0]!.every((value) => value === 0)).toBe(true);
    feed(engine, rows.slice(7, 8));
    const { batches, usable } = buildBatches(engine);
    expect(usable[1]).toBe(1);
    const expected = [115 / 110 - 1, 15, 121 / 115 - 1, 20, 128 / 121 - 1, 25].map(Math.fround);
    expect([...batches[0]!.subarray(6, 12)]).toEqual(expected);
    buildBatches(engine);
    feed(engine, rows.slice(8));
    expect([...batches[0]!.subarray(6, 8)]).toEqual(expected.slice(2, 4));
    expect([...batches[0]!.subarray(0, 6), ...batches[0]!.subarray(12)].every((value) => value === 0)).toBe(
      true,
    );
  });

  it('refuses what the loader should have refused', () => {
    expect(() => engineFor([model('a', { features: ['nonsense'] })])).toThrow(/unknown feature "nonsense"/);
    const hourly = { layout: layout([model('a', {})], SYMBOLS), barSeconds: 3600 };
    expect(() => createFeatureEngine(hourly)).toThrow(/cannot be made of bars of 3600 s/);
  });
});

describe('features digest', () => {
  const columns = [model('a', {}), model('s', { sequenceLength: 2, shape: 'sequence' })];
  const rows = Array.from({ length: 12 }, (_, i) => bar(i + 1, i % 3, 100 + i));

  function digestAfter(changed: readonly TradeRow[]): string {
    const engine = engineFor(columns);
    openSession(engine, DAY);
    feed(engine, changed);
    return featuresDigest(engine);
  }

  it('is the same for the same bars and changes with any of their bits', () => {
    const base = digestAfter(rows);
    expect(base).toMatch(/^[0-9a-f]{32}$/);
    expect(digestAfter(rows)).toBe(base);
    for (let k = 0; k < rows.length; k++) {
      const changed = rows.map((row, i) => (i === k ? { ...row, close: row.close + 0.0001 } : row));
      expect(digestAfter(changed)).not.toBe(base);
    }
  });

  it.each([1, 2, 3, 4])(
    'of sequences of %d features alone changes with the newest row, however many came before it',
    (count) => {
      const features = ['ret_1d', 'volume_change', 'high_low_range', 'mom_5d'].slice(0, count);
      const sequences = [model('s', { features, sequenceLength: 2, shape: 'sequence', takesNan: true })];
      const told = (changed: readonly TradeRow[]): string => {
        const engine = engineFor(sequences);
        openSession(engine, DAY);
        feed(engine, changed);
        return featuresDigest(engine);
      };
      for (let length = 4; length <= rows.length; length++) {
        const last = rows[length - 1]!;
        const changed = { ...last, close: last.close + 1, high: last.high + 2, volume: last.volume + 1 };
        expect(told([...rows.slice(0, length - 1), changed])).not.toBe(told(rows.slice(0, length)));
      }
    },
  );

  it('changes when only the mask does', () => {
    const engine = engineFor([model('a', { features: ['ret_1d'] })]);
    openSession(engine, DAY);
    feed(engine, [bar(1, 0, 100)]);
    const before = featuresDigest(engine);
    feed(engine, [bar(2, 0, 100)]);
    expect(buildBatches(engine).batches[0]![0]).toBe(0);
    expect(featuresDigest(engine)).not.toBe(before);
  });

  it('goes on from a deep copy of the state as from the state itself', () => {
    const engine = engineFor(columns);
    openSession(engine, DAY);
    feed(engine, rows.slice(0, 7));
    featuresDigest(engine);
    const copy = structuredClone(engine);
    feed(engine, rows.slice(7));
    feed(copy, rows.slice(7));
    expect(featuresDigest(copy)).toBe(featuresDigest(engine));
    expect(buildBatches(copy)).toEqual(buildBatches(engine));
  });
});

describe('aggregation property', () => {
  it('gives the features of bars grouped by hand, whatever is missing and however rows are sliced', () => {
    const tradeRow = fc.record({
      minute: fc.integer({ min: 1, max: 60 }),
      symbol: fc.integer({ min: 0, max: 2 }),
      cents: fc.integer({ min: 9000, max: 11000 }),
    });
    const rowsArb = fc.uniqueArray(tradeRow, {
      selector: (row) => row.minute * 3 + row.symbol,
      maxLength: 120,
    });
    fc.assert(
      fc.property(rowsArb, fc.constantFrom(1, 5, 7), (drawn, minutes) => {
        const features = ['ret_1d', 'ret_5d', 'high_low_range', 'volume_change'] as const;
        const engine = engineFor([model('a', { intervalMinutes: minutes, features: [...features] })]);
        const rows = drawn.map((row) => bar(row.minute, row.symbol, row.cents / 100, { volume: row.minute }));
        openSession(engine, DAY);
        feed(engine, rows);
        closeSession(engine);
        const { batches, usable } = buildBatches(engine);
        for (let symbol = 0; symbol < 3; symbol++) {
          const expected = rescanFeatures(
            groupBars(
              rows.filter((row) => row.symbol === symbol),
              minutes,
            ),
          );
          const wanted = features.map((name) => Math.fround(expected[name]));
          const isUsable = wanted.every(Number.isFinite);
          expect(usable[symbol]).toBe(isUsable ? 1 : 0);
          const actual = [...batches[0]!.subarray(symbol * 4, symbol * 4 + 4)];
          expect(actual).toEqual(isUsable ? wanted.map((value) => value + 0) : [0, 0, 0, 0]);
        }
      }),
    );
  });
});

function groupBars(rows: readonly TradeRow[], minutes: number): Bar[] {
  const groups = new Map<number, TradeRow[]>();
  for (const row of [...rows].sort((a, b) => a.minute - b.minute)) {
    const key = Math.ceil(row.minute / minutes);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => ({
    high: Math.max(...group.map((row) => row.high)),
    low: Math.min(...group.map((row) => row.low)),
    close: group[group.length - 1]!.close,
    volume: group.reduce((sum, row) => sum + row.volume, 0),
  }));
}
