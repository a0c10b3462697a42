import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/domain/market-table.ts';
import {
  createMaturedPairs,
  type MaturedPairsState,
  matureAt,
  matureBefore,
  openPairsSession,
  type PairSink,
  queuePredictions,
  rebasePairs,
  updatePairsMid,
} from '../../src/pipeline/1-prediction/matured-pairs.ts';
import { column, layout, MINUTE, predictions, session } from './fixtures.ts';

interface Pair {
  readonly column: number;
  readonly symbol: number;
  readonly prediction: number;
  readonly realized: number;
}

/** Drives the state the way the engine does: mature what is past, apply the slice, mature what is due now. */
function driver(state: MaturedPairsState, day: Session) {
  const pairs: Pair[] = [];
  const sink: PairSink = (c, { count, symbols, predictions: raw, realized }) => {
    for (let k = 0; k < count; k++) {
      pairs.push({ column: c, symbol: symbols[k]!, prediction: raw[k]!, realized: realized[k]! });
    }
  };
  openPairsSession(state, day);
  const at = (minute: number) => day.openUs + minute * MINUTE;
  return {
    pairs,
    slice(minute: number, mids: readonly (number | null)[]): void {
      matureBefore(state, at(minute), sink);
      mids.forEach((mid, symbol) => {
        if (mid !== null) updatePairsMid(state, symbol, { tUs: at(minute), mid });
      });
      matureAt(state, at(minute), sink);
    },
    cycle(minute: number, values: readonly (number | null)[]): void {
      queuePredictions(state, at(minute), predictions(values));
    },
    close(): void {
      matureAt(state, day.closeUs, sink);
    },
  };
}

describe('matured pairs', () => {
  it('pair a prediction at t with the mid return to t + h, once the slice at t + h is in', () => {
    const run = driver(createMaturedPairs(layout([column()], ['AAA'])), session(0));
    run.slice(1, [100]);
    run.cycle(1, [0.5]);
    run.slice(5, [104]);
    expect(run.pairs).toEqual([]);
    run.slice(6, [110]);
    expect(run.pairs).toEqual([{ column: 0, symbol: 0, prediction: 0.5, realized: 110 / 100 - 1 }]);
  });

  it('use the mid known before a later slice when none came at the target', () => {
    const run = driver(createMaturedPairs(layout([column()], ['AAA'])), session(0));
    run.slice(1, [100]);
    run.cycle(1, [0.5]);
    run.slice(4, [103]);
    run.slice(9, [999]);
    expect(run.pairs.map((pair) => pair.realized)).toEqual([103 / 100 - 1]);
  });

  it('drop what has no mid, no new mid, no prediction, or would cross the close', () => {
    const run = driver(createMaturedPairs(layout([column()], ['AAA', 'BBB', 'CCC', 'DDD'])), session(0));
    run.slice(384, [100, 50, null, 70]);
    run.cycle(384, [1, 2, 3, null]);
    run.slice(385, [101, null, 30, 71]);
    run.cycle(385, [4, 5, 6, null]);
    run.cycle(386, [7, 8, 9, null]);
    run.slice(389, [102, null, 31, 72]);
    run.close();
    expect(run.pairs.map((pair) => [pair.symbol, pair.prediction])).toEqual([
      [0, 1],
      [0, 4],
      [2, 6],
    ]);
  });

  it('give out pairs in order of time, column and symbol, barrier columns left out', () => {
    const columns = [
      column({ kind: 'peak', target: 'will_peak_5m' }),
      column({ family: 'a' }),
      column({ family: 'b' }),
    ];
    const run = driver(createMaturedPairs(layout(columns)), session(0));
    run.slice(1, [100, 200]);
    run.cycle(1, [0.9, 0.9, 1, 2, 3, 4]);
    run.slice(2, [101, 201]);
    run.cycle(2, [0.9, 0.9, 5, 6, 7, 8]);
    run.slice(6, [102, 202]);
    run.slice(10, [103, 203]);
    expect(run.pairs.map((pair) => pair.prediction)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(run.pairs.map((pair) => pair.column)).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  });

  it('mature a day later at the same session minute, and at the close of a shorter day', () => {
    const state = createMaturedPairs(layout([column({ horizonLabel: '1d' })], ['AAA']));
    const first = driver(state, session(0));
    for (const minute of [30, 200, 300]) {
      first.slice(minute, [100]);
      first.cycle(minute, [minute]);
    }
    first.slice(389, [105]);
    first.close();
    expect(first.pairs).toEqual([]);
    const second = driver(state, session(1, 210));
    second.slice(29, [110]);
    expect(second.pairs).toEqual([]);
    second.slice(30, [111]);
    expect(second.pairs.map((pair) => [pair.prediction, pair.realized])).toEqual([[30, 111 / 100 - 1]]);
    second.slice(208, [120]);
    expect(second.pairs.map((pair) => pair.prediction)).toEqual([30, 200]);
    second.slice(210, [121]);
    second.close();
    expect(second.pairs.map((pair) => [pair.prediction, pair.realized])).toEqual([
      [30, 111 / 100 - 1],
      [200, 111 / 100 - 1],
      [300, 121 / 100 - 1],
    ]);
  });

  it('wait n sessions for an n-day horizon', () => {
    const state = createMaturedPairs(layout([column({ horizonLabel: '2d' })], ['AAA']));
    const first = driver(state, session(0));
    first.slice(10, [100]);
    first.cycle(10, [1]);
    const second = driver(state, session(1));
    second.slice(20, [150]);
    second.close();
    const third = driver(state, session(2));
    third.slice(10, [140]);
    expect(second.pairs).toEqual([]);
    expect(third.pairs.map((pair) => pair.realized)).toEqual([140 / 100 - 1]);
  });

  it('take no mid of another session: the first of a day starts, and ends, what is asked of that day', () => {
    const columns = [column({ horizonLabel: '5m' }), column({ horizonLabel: '1d' })];
    const state = createMaturedPairs(layout(columns, ['AAA', 'BBB']));
    const first = driver(state, session(0));
    first.slice(3, [100, 50]);
    first.cycle(3, [1, 1, 1, 1]);
    first.slice(389, [105, 55]);
    first.close();
    const second = driver(state, session(1));
    // BBB is not quoted before minute 4: a day from minute 3 has no end, and five minutes from there no start
    second.slice(3, [110, null]);
    second.cycle(3, [2, 2, 2, 2]);
    second.slice(4, [111, 60]);
    second.slice(8, [112, 61]);
    expect(second.pairs).toEqual([
      { column: 1, symbol: 0, prediction: 1, realized: 110 / 100 - 1 },
      { column: 0, symbol: 0, prediction: 2, realized: 112 / 110 - 1 },
    ]);
  });

  it('hold no more cycles than their horizon spans', () => {
    const state = createMaturedPairs(
      layout([column({ horizonLabel: '1d' }), column({ horizonLabel: '10m' })], ['AAA']),
    );
    for (let n = 0; n < 6; n++) {
      const run = driver(state, session(n));
      for (let minute = 1; minute < 390; minute++) {
        run.slice(minute, [100 + minute]);
        run.cycle(minute, [1, 2]);
      }
      run.close();
      expect(run.pairs.filter((pair) => pair.column === 0)).toHaveLength(n === 0 ? 0 : 389);
      expect(run.pairs.filter((pair) => pair.column === 1)).toHaveLength(380);
    }
    expect(state.queues.map((queue) => queue.capacity)).toEqual([512, 16]);
  });

  it('do not depend on the future: other mids after a moment leave the pairs until then as they were', () => {
    const mid = fc.option(fc.double({ min: 50, max: 150, noNaN: true }), { freq: 4 });
    fc.assert(
      fc.property(
        fc.array(mid, { minLength: 20, maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        (mids, cut) => {
          const pairsUntil = (path: readonly (number | null)[]) => {
            const run = driver(createMaturedPairs(layout([column()], ['AAA'])), session(0));
            path.forEach((value, i) => {
              if (value !== null) run.slice(i + 1, [value]);
              run.cycle(i + 1, [i]);
            });
            return run.pairs;
          };
          const base = pairsUntil(mids.slice(0, cut));
          const changed = pairsUntil([
            ...mids.slice(0, cut),
            ...mids.slice(cut).map((value) => value && value * 3),
          ]);
          expect(changed.slice(0, base.length)).toEqual(base);
        },
      ),
    );
  });

  it('go on from a deep copy as from the state itself', () => {
    const state = createMaturedPairs(layout([column({ horizonLabel: '30m' })], ['AAA']));
    const run = driver(state, session(0));
    for (let minute = 1; minute < 45; minute++) {
      run.slice(minute, [100 + minute]);
      run.cycle(minute, [minute]);
    }
    const copy = structuredClone(state);
    const rest = [state, copy].map((from) => {
      const pairs: number[] = [];
      updatePairsMid(from, 0, { tUs: session(0).closeUs, mid: 7 });
      matureAt(from, session(0).closeUs, (_, { predictions: raw, realized }) => {
        pairs.push(raw[0]!, realized[0]!);
      });
      return pairs;
    });
    expect(rest[1]).toEqual(rest[0]);
    expect(rest[0]).toHaveLength(60);
  });
});

describe('matured pairs over a corporate action', () => {
  it('mature to the return of a holder: what was predicted before it starts from the price on the new terms', () => {
    const state = createMaturedPairs(layout([column({ horizonLabel: '1d' })]));
    const before = driver(state, session(0));
    before.slice(1, [700, 50]);
    before.cycle(1, [0.5, 0.25]);
    before.slice(2, [707, 50]);
    before.cycle(2, [0.5, null]);
    before.close();
    const after = driver(state, session(1));
    rebasePairs(state, 0, { numerator: 1, denominator: 7 });
    after.slice(1, [102, 51]);
    after.slice(2, [101, 51]);
    expect(after.pairs).toEqual([
      { column: 0, symbol: 0, prediction: 0.5, realized: 102 / 100 - 1 },
      { column: 0, symbol: 1, prediction: 0.25, realized: 51 / 50 - 1 },
      { column: 0, symbol: 0, prediction: 0.5, realized: 0 },
    ]);
  });

  it('and a mid that is known already moves with it', () => {
    const state = createMaturedPairs(layout([column()], ['AAA']));
    const run = driver(state, session(0));
    run.slice(1, [700]);
    rebasePairs(state, 0, { numerator: 1, denominator: 7 });
    run.cycle(1, [0.5]);
    run.slice(6, [110]);
    expect(run.pairs).toEqual([{ column: 0, symbol: 0, prediction: 0.5, realized: 110 / 100 - 1 }]);
  });
});
