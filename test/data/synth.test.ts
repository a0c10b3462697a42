import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/dataset.ts';
import { writeSessionParquet } from '../../src/data/parquet-write.ts';
import { synthesize } from '../../src/data/synth.ts';
import { synthDataset } from '../../src/data/synth-dataset.ts';
import type { SynthOptions } from '../../src/data/synth-options.ts';
import { InputError } from '../../src/domain/errors.ts';
import { HAS_ASK, HAS_BID, HAS_TRADE, IS_HALTED, type MarketTable } from '../../src/domain/market-table.ts';
import { folderBytes, plain, useTempDir } from './support.ts';

const temp = useTempDir();
const FULL = HAS_BID | HAS_ASK | HAS_TRADE;
const tables = (options: SynthOptions): MarketTable[] => [...synthesize(options)];
const QUIET = { haltRate: 0, missingRate: 0 } as const;

/** Mids at bar ends by symbol, for tables without gaps. */
function midsOf(table: MarketTable): number[][] {
  const mids: number[][] = table.symbols.map(() => []);
  for (let i = 0; i < table.rowCount; i++) {
    mids[table.symbolIx[i]].push((table.bidCloseE4[i] + table.askCloseE4[i]) / 2);
  }
  return mids;
}

const returns = (mids: readonly number[], step: number) =>
  mids.slice(step).map((mid, i) => Math.log(mid / mids[i]));

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (x: readonly number[]) => x.reduce((sum, v) => sum + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Multiple correlation of the next 5-minute return with the last 5 and the last 20 minutes' return. */
function learnable(signal: number): number {
  const [x5, x20, y]: [number[], number[], number[]] = [[], [], []];
  for (const table of synthesize({ ...QUIET, signal, sessions: 15, seed: 3 })) {
    for (const mids of midsOf(table)) {
      for (let m = 20; m + 5 < mids.length; m++) {
        x5.push(Math.log(mids[m] / mids[m - 5]));
        x20.push(Math.log(mids[m] / mids[m - 20]));
        y.push(Math.log(mids[m + 5] / mids[m]));
      }
    }
  }
  const [r1, r2, r12] = [correlation(x5, y), correlation(x20, y), correlation(x5, x20)];
  return Math.sqrt((r1 * r1 + r2 * r2 - 2 * r1 * r2 * r12) / (1 - r12 * r12));
}

describe('a synthetic universe', () => {
  it('is the same bytes on every machine', () => {
    const hash = createHash('sha256');
    for (const table of synthesize({ seed: 42, sessions: 2, symbols: 3, from: '2024-07-02' })) {
      hash.update(writeSessionParquet(table));
    }
    expect(hash.digest('hex')).toMatchInlineSnapshot(
      `"b1dddefa4c3fdd21ed77622df1618ce4e13ca516fc54e6ae09f6bfaa93a1d25d"`,
    );
  });

  it('is rewritten byte for byte from the options in its manifest', async () => {
    const options = { seed: 9, sessions: 2, symbols: ['B', 'A'], priceLevels: { A: 50 } } as const;
    const manifest = await synthDataset({ dir: temp.path('one'), options });
    await synthDataset({ dir: temp.path('two'), options: { ...options, symbols: ['A', 'B'] } });
    expect(folderBytes(temp.path('two'))).toEqual(folderBytes(temp.path('one')));
    expect(manifest.provenance.options).toMatchObject({
      seed: 9,
      symbols: ['A', 'B'],
      from: '2024-01-02',
      signal: 0.2,
    });
    const table = await (await openDataset(temp.path('one'))).loadSession('2024-01-02');
    expect(plain(table)).toEqual(plain(tables(options)[0]));
  });

  it('changes with the seed; a longer one starts with the shorter; a symbol does not feel the others', () => {
    const base = { seed: 5, sessions: 2, symbols: ['AAA', 'BBB', 'CCC'] } as const;
    const [first, second] = tables(base);
    expect(plain(tables({ ...base, sessions: 3 })[1])).toEqual(plain(second));
    expect(plain(tables({ ...base, seed: 6 })[0])).not.toEqual(plain(first));
    const alone = tables({ ...base, symbols: ['BBB'] })[1];
    const closes = (table: MarketTable) =>
      Array.from(table.closeE4).filter((_, i) => table.symbols[table.symbolIx[i]] === 'BBB');
    expect(closes(second)).toEqual(Array.from(alone.closeE4));
  });

  it('holds only consistent bars, on the tick, in order', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0.02, max: 1.5, noNaN: true }), (seed, annualVol) => {
        const [table] = synthesize({
          seed,
          annualVol,
          sessions: 1,
          symbols: 4,
          haltRate: 0.3,
          missingRate: 0.05,
        });
        for (let i = 0; i < table.rowCount; i++) {
          if (i > 0 && table.endUs[i] === table.endUs[i - 1]) {
            if (!(table.symbolIx[i] > table.symbolIx[i - 1])) throw new Error(`symbols out of order at ${i}`);
          } else if (i > 0 && !(table.endUs[i] > table.endUs[i - 1]))
            throw new Error(`time out of order at ${i}`);
          if (table.flags[i] === IS_HALTED) {
            if (table.closeE4[i] !== 0 || table.bidOpenE4[i] !== 0 || table.volume[i] !== 0)
              throw new Error('halted row with values');
            continue;
          }
          expect(table.flags[i]).toBe(FULL);
          checkSide([
            table.bidOpenE4[i],
            table.bidHighE4[i],
            table.bidLowE4[i],
            table.bidCloseE4[i],
            table.bidSize[i],
          ]);
          checkSide([
            table.askOpenE4[i],
            table.askHighE4[i],
            table.askLowE4[i],
            table.askCloseE4[i],
            table.askSize[i],
          ]);
          checkSide([table.openE4[i], table.highE4[i], table.lowE4[i], table.closeE4[i], table.volume[i]]);
          if (!(table.bidOpenE4[i] < table.askOpenE4[i] && table.bidCloseE4[i] < table.askCloseE4[i]))
            throw new Error('crossed');
          if (!(table.lowE4[i] >= table.bidLowE4[i] && table.highE4[i] <= table.askHighE4[i]))
            throw new Error('trade outside quotes');
          if (table.bidOpenE4[i] % 100 !== 0 || table.askHighE4[i] % 100 !== 0)
            throw new Error('off the tick');
        }
      }),
      { numRuns: 12 },
    );
  });

  it('has the predictability it was asked for, and none when asked for none', () => {
    expect(learnable(0)).toBeLessThan(0.04);
    expect(learnable(0.1)).toBeGreaterThan(0.07);
    expect(learnable(0.1)).toBeLessThan(0.14);
    expect(learnable(0.3)).toBeGreaterThan(0.22);
    expect(learnable(0.3)).toBeLessThan(0.34);
  });

  const week = tables({ ...QUIET, sessions: 10, symbols: 6, seed: 11 });

  it('has U-shaped volume and spread', () => {
    const average = (value: (table: MarketTable, i: number) => number, from: number, to: number) => {
      let [sum, count] = [0, 0];
      for (const table of week) {
        for (let i = from * 6; i < to * 6; i++) {
          sum += value(table, i);
          count += 1;
        }
      }
      return sum / count;
    };
    const volume = (table: MarketTable, i: number) => table.volume[i] * table.closeE4[i];
    const spread = (table: MarketTable, i: number) =>
      (table.askCloseE4[i] - table.bidCloseE4[i]) / table.bidCloseE4[i];
    for (const value of [volume, spread]) {
      const midday = average(value, 180, 210);
      expect(average(value, 0, 15) / midday).toBeGreaterThan(1.15);
      expect(average(value, 375, 390) / midday).toBeGreaterThan(1.15);
    }
    expect(average(volume, 0, 15) / average(volume, 180, 210)).toBeGreaterThan(2);
  });

  it('has clustered volatility, correlated symbols and overnight gaps', () => {
    const clustering = week.flatMap((table) =>
      midsOf(table).map((mids) => {
        // The middle of the day, where the U shape is flat.
        const squares = returns(mids.slice(100, 290), 1).map((r) => r * r);
        return correlation(squares.slice(0, -5), squares.slice(5));
      }),
    );
    expect(clustering.reduce((sum, c) => sum + c, 0) / clustering.length).toBeGreaterThan(0.03);

    const pairs = week.map((table) => {
      const [a, b] = midsOf(table).map((mids) => returns(mids, 5));
      return correlation(a, b);
    });
    expect(pairs.reduce((sum, c) => sum + c, 0) / pairs.length).toBeGreaterThan(0.1);

    const gaps = week.slice(1).flatMap((table, d) => {
      const before = midsOf(week[d]);
      return midsOf(table).map((mids, s) => Math.abs(Math.log(mids[0] / before[s][before[s].length - 1])));
    });
    const minutes = week.flatMap((table) => midsOf(table).flatMap((mids) => returns(mids, 1).map(Math.abs)));
    const mean = (x: readonly number[]) => x.reduce((sum, v) => sum + v, 0) / x.length;
    expect(mean(gaps)).toBeGreaterThan(4 * mean(minutes));
  });

  it('has halts and missing minutes at the rates asked for', () => {
    const [table] = synthesize({ sessions: 1, symbols: 50, haltRate: 0.5, missingRate: 0.1, seed: 2 });
    const haltedSymbols = new Set(Array.from(table.symbolIx).filter((_, i) => table.flags[i] === IS_HALTED));
    expect(haltedSymbols.size).toBeGreaterThan(12);
    expect(haltedSymbols.size).toBeLessThan(38);
    expect(table.rowCount / (50 * 390)).toBeGreaterThan(0.88);
    expect(table.rowCount / (50 * 390)).toBeLessThan(0.92);
    const [quiet] = synthesize({ ...QUIET, sessions: 1, symbols: 5 });
    expect(quiet.rowCount).toBe(5 * 390);
    expect(quiet.flags.every((flags) => flags === FULL)).toBe(true);
  });

  it('keeps the exchange calendar: half days, holidays', () => {
    const sessions = tables({ ...QUIET, from: '2024-07-02', sessions: 3, symbols: 1 });
    expect(sessions.map(({ session, rowCount }) => [session, rowCount])).toEqual([
      ['2024-07-02', 390],
      ['2024-07-03', 210],
      ['2024-07-05', 390],
    ]);
  });

  it.each([
    [{ signal: 2 }, /signal 2/],
    [{ sessions: 0 }, /sessions 0/],
    [{ sessions: 1.5 }, /whole/],
    [{ seed: -1 }, /seed -1/],
    [{ symbols: [] }, /symbols/],
    [{ symbols: ['A', 'A'] }, /different tickers/],
    [{ symbols: ['../A'] }, /tickers/],
    [{ symbols: 0 }, /0 symbols/],
    [{ symbols: ['A'], priceLevels: { B: 5 } }, /price level B/],
    [{ from: '2031-01-01' }, /calendar/],
  ] as const)('refuses %j', (options, message) => {
    expect(() => synthesize(options)).toThrow(InputError);
    expect(() => synthesize(options)).toThrow(message);
  });

  it('a quickstart of 8 symbols and 8 sessions stays far below 2.5 MB', async () => {
    const manifest = await synthDataset({ dir: temp.path('quickstart'), options: {} });
    expect(manifest.symbols).toHaveLength(8);
    const bytes = manifest.sessions.reduce((sum, session) => sum + session.bytes, 0);
    expect(bytes).toBeLessThan(1_000_000);
  });
});

function checkSide([open, high, low, close, size]: readonly number[]): void {
  const isBar = low > 0 && high >= Math.max(open, close) && low <= Math.min(open, close) && size > 0;
  if (!isBar || !Number.isInteger(size))
    throw new Error(`not a bar: ${[open, high, low, close, size].join(' ')}`);
}
