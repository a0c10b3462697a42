import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHorizon } from '../../src/domain/horizon.ts';
import type { MarketDataset } from '../../src/ports/market-data.ts';
import { silentProgress } from '../../src/ports/progress.ts';
import {
  barrierLabels,
  horizonSteps,
  returnLabels,
  sessionReturnLabels,
  splitByTime,
  symbolVolatilities,
} from '../../src/research/training/labels.ts';
import { rankLabels } from '../../src/research/training/output-families.ts';
import {
  buildTrainingSet,
  TABULAR_FEATURES,
  type TrainingSet,
} from '../../src/research/training/training-set.ts';
import { scaled } from '../engine/split-worlds.ts';
import { type Alter, SYMBOLS, smallDataset } from './market.ts';

function setOf(options: { readonly sessions?: number; readonly alter?: Alter } = {}): Promise<TrainingSet> {
  const dataset = smallDataset(options);
  return buildTrainingSet({
    dataset,
    sessions: dataset.sessions.map((session) => session.date),
    symbols: SYMBOLS,
    withSequences: true,
    progress: silentProgress,
  });
}

/** A set of one session and one symbol with these mids, every step a row. */
function gridSet(mids: readonly number[]): TrainingSet {
  const steps = mids.length - 1;
  const rowCount = steps;
  return {
    symbols: ['A'],
    barSeconds: 60,
    rowCount,
    tabular: new Float32Array(rowCount * TABULAR_FEATURES.length),
    sequences: new Float32Array(0),
    symbolIx: new Int32Array(rowCount),
    sessionIx: new Int32Array(rowCount),
    step: Int32Array.from({ length: rowCount }, (_, k) => k),
    grids: [{ steps, symbolCount: 1, midE4: Float64Array.from(mids) }],
    exSymbols: [[]],
  };
}

describe('buildTrainingSet', { timeout: 60_000 }, () => {
  it('takes a row for every bar with all features, by session, time and symbol', async () => {
    const set = await setOf();
    expect(set.rowCount).toBeGreaterThan(1200);
    for (let row = 1; row < set.rowCount; row++) {
      const key = (r: number): number => (set.sessionIx[r]! * 1000 + set.step[r]!) * 10 + set.symbolIx[r]!;
      expect(key(row)).toBeGreaterThan(key(row - 1));
    }
    expect(set.tabular.every((value) => Number.isFinite(value))).toBe(true);
    expect(set.step.every((step) => step >= 1 && step < 160)).toBe(true);
  });

  it('sees the same over a split as in prices adjusted beforehand: training and running agree', async () => {
    const base = smallDataset({ sessions: 2 });
    const exDate = base.sessions[1]!.date;
    const early = (price: number, volume: number): MarketDataset => ({
      ...base,
      loadSession: async (date) => {
        const table = await base.loadSession(date);
        const change = (value: number, isPrice: boolean) => value * (isPrice ? price : volume);
        return date < exDate ? scaled(table, 'AAA', change) : table;
      },
    });
    const build = (dataset: MarketDataset) =>
      buildTrainingSet({
        dataset,
        sessions: dataset.sessions.map(({ date }) => date),
        symbols: SYMBOLS,
        withSequences: true,
        progress: silentProgress,
      });
    const adjusted = await build(early(1, 2));
    const raw = early(2, 1);
    const split = {
      kind: 'split',
      symbol: 'AAA',
      exDate,
      oldShares: 1,
      newShares: 2,
      referencePriceE4: 1,
    } as const;
    const found = await build({ ...raw, actions: [split] });
    expect(found.tabular).toEqual(adjusted.tabular);
    expect(found.sequences).toEqual(adjusted.sequences);
    expect((await build(raw)).tabular).not.toEqual(adjusted.tabular);
  });

  it('lets no later price into an earlier row', async () => {
    const plain = await setOf();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 40, max: 158 }),
        async (session, minute) => {
          const changed = await setOf({
            alter: (at, mid) =>
              at.session > session || (at.session === session && at.minute > minute) ? mid * 1.01 + 1 : mid,
          });
          let known = 0;
          while (known < plain.rowCount && isKnown(plain, known, { session, step: minute + 1 })) known++;
          const width = TABULAR_FEATURES.length;
          expect(changed.tabular.subarray(0, known * width)).toEqual(
            plain.tabular.subarray(0, known * width),
          );
          expect(changed.step.subarray(0, known)).toEqual(plain.step.subarray(0, known));
        },
      ),
      { numRuns: 4 },
    );
  });
});

function isKnown(
  set: TrainingSet,
  row: number,
  at: { readonly session: number; readonly step: number },
): boolean {
  return set.sessionIx[row]! < at.session || (set.sessionIx[row] === at.session && set.step[row]! <= at.step);
}

describe('returnLabels', () => {
  it('are the mid return to the end of the horizon, and never cross the close', () => {
    const { rows, y } = returnLabels(gridSet([100, 101, 102, 103, 104]), 2);
    expect([...rows]).toEqual([0, 1, 2]);
    expect([...y]).toEqual([102 / 100 - 1, 103 / 101 - 1, 104 / 102 - 1]);
  });

  it('stay within their session on real tables', async () => {
    const set = await setOf();
    const { rows } = returnLabels(set, 15);
    expect(rows.length).toBeGreaterThan(1000);
    expect(Math.max(...Array.from(rows, (row) => set.step[row]!))).toBe(160 - 15);
  });
});

describe('barrierLabels', () => {
  // moves of 1 % up and down: sigma over one step is about 0.01, so half of it is touched by any move
  const zigzag = gridSet([100, 101, 100, 101, 100, 101, 100]);

  it('call a peak where the lower level is touched first, a valley where the upper one is', () => {
    const peaks = barrierLabels(zigzag, { kind: 'peak', steps: 1, sigmas: 0.5 });
    const valleys = barrierLabels(zigzag, { kind: 'valley', steps: 1, sigmas: 0.5 });
    expect([...peaks.y]).toEqual([0, 1, 0, 1, 0, 1]);
    expect([...valleys.y]).toEqual([1, 0, 1, 0, 1, 0]);
  });

  it('call neither where no level is touched', () => {
    const labels = barrierLabels(zigzag, { kind: 'peak', steps: 1, sigmas: 5 });
    expect([...labels.y]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('only the first touch counts', () => {
    const set = gridSet([100, 102, 90, 100, 102, 90, 100]);
    const peaks = barrierLabels(set, { kind: 'peak', steps: 2, sigmas: 0.1 });
    expect([...peaks.y]).toEqual([0, 1, 0, 0, 1]);
  });

  it('are not given for a symbol that never moves', () => {
    expect(
      barrierLabels(gridSet([100, 100, 100, 100]), { kind: 'peak', steps: 1, sigmas: 1 }).rows,
    ).toHaveLength(0);
    expect(symbolVolatilities(gridSet([100, 100, 100, 100]), 1)).toEqual([0]);
  });
});

describe('splitByTime', () => {
  it('validates on later sessions', async () => {
    const set = await setOf();
    const { fit, validation } = splitByTime(set, returnLabels(set, 5), { steps: 5, sessions: 0 });
    expect(Math.max(...Array.from(fit.rows, (row) => set.sessionIx[row]!))).toBe(1);
    expect(new Set(Array.from(validation.rows, (row) => set.sessionIx[row]!))).toEqual(new Set([2]));
  });

  it('leaves a gap of one horizon within a single session', async () => {
    const set = await setOf({ sessions: 1 });
    const { fit, validation } = splitByTime(set, returnLabels(set, 15), { steps: 15, sessions: 0 });
    const lastEnd = Math.max(...Array.from(fit.rows, (row) => set.step[row]! + 15));
    const firstStart = Math.min(...Array.from(validation.rows, (row) => set.step[row]!));
    expect(lastEnd).toBeLessThan(firstStart);
  });
});

describe('returns over sessions', () => {
  /** Three sessions of one symbol, the last of them shorter; mids are 100 * session + step. */
  const days = (exSymbols: readonly (readonly number[])[] = [[], [], []]): TrainingSet => {
    const steps = [3, 3, 2];
    const places = steps.flatMap((count, session) =>
      Array.from({ length: count }, (_, step) => [session, step + 1] as const),
    );
    return {
      ...gridSet([1, 1]),
      rowCount: places.length,
      symbolIx: new Int32Array(places.length),
      sessionIx: Int32Array.from(places, ([session]) => session),
      step: Int32Array.from(places, ([, step]) => step),
      grids: steps.map((count, session) => ({
        steps: count,
        symbolCount: 1,
        midE4: Float64Array.from({ length: count + 1 }, (_, step) => 100 * (session + 1) + step),
      })),
      exSymbols,
    };
  };

  it('reach to the same minute so many sessions later, or to the close of a shorter one', () => {
    const one = sessionReturnLabels(days(), 1);
    expect([...one.rows]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...one.y]).toEqual([
      ...[201 / 101 - 1, 202 / 102 - 1, 203 / 103 - 1],
      ...[301 / 201 - 1, 302 / 202 - 1, 302 / 203 - 1],
    ]);
    expect([...sessionReturnLabels(days(), 2).rows]).toEqual([0, 1, 2]);
    expect([...sessionReturnLabels(days(), 3).rows]).toEqual([]);
  });

  it('are not given over an ex-date of their symbol', () => {
    expect([...sessionReturnLabels(days([[], [0], []]), 1).rows]).toEqual([3, 4, 5]);
    expect([...sessionReturnLabels(days([[0], [], []]), 1).rows]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...sessionReturnLabels(days([[], [], [0]]), 2).rows]).toEqual([]);
  });

  it('of the part that is fitted do not reach into the part that validates', () => {
    const set = days();
    const labeled = sessionReturnLabels(set, 1);
    const { fit, validation } = splitByTime(set, labeled, { steps: 0, sessions: 1 });
    const first = Math.min(...Array.from(validation.rows, (row) => set.sessionIx[row]!));
    expect(validation.rows.length).toBeGreaterThan(0);
    for (const row of fit.rows) expect(set.sessionIx[row]! + 1).toBeLessThan(first);
  });
});

describe('rank labels', () => {
  it('lie around 0 in each bar, ties share theirs, and bars of fewer than five symbols have none', () => {
    const counts = [5, 4, 6];
    const rows = counts.flatMap((count, step) => Array.from({ length: count }, (_, i) => [step, i] as const));
    const set: TrainingSet = {
      ...gridSet([1, 1]),
      rowCount: rows.length,
      symbolIx: Int32Array.from(rows, ([, i]) => i),
      sessionIx: new Int32Array(rows.length),
      step: Int32Array.from(rows, ([step]) => step),
    };
    const y = Float64Array.from(rows, ([, i]) => (i === 1 ? 0 : i * 0.01));
    const ranked = rankLabels(set, { rows: Int32Array.from(rows, (_, row) => row), y });
    expect([...ranked.rows]).toEqual([0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14]);
    const first = [...ranked.y.slice(0, 5)];
    [-0.3, -0.3, 0, 0.2, 0.4].forEach((rank, k) => {
      expect(first[k]).toBeCloseTo(rank, 12);
    });
    expect(first.reduce((sum, rank) => sum + rank, 0)).toBeCloseTo(0, 12);
  });
});

describe('horizonSteps', () => {
  it('counts whole bars', () => {
    expect(horizonSteps(parseHorizon('15m'), 60)).toBe(15);
    expect(() => horizonSteps(parseHorizon('5m'), 3600)).toThrow(/whole bars of 3600 s/);
  });
});
