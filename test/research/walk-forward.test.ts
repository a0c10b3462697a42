import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPrng } from '../../src/math/prng.ts';
import { METRICS } from '../../src/report/part-score.ts';
import { overfittingOf } from '../../src/research/overfitting.ts';
import { walkForward, walkParts } from '../../src/research/walk-forward.ts';

const dates = (count: number): string[] =>
  Array.from({ length: count }, (_, k) => `2024-01-${String(k + 1).padStart(2, '0')}`);

/** Equity of a trial with these P&Ls a session, from a million dollars. */
function curveOf(pnl: readonly number[]): number[] {
  let equity = 1e12;
  return [equity, ...pnl.map((dollars) => (equity += dollars * 1e6))];
}

describe('walk forward', () => {
  it('divides sessions at a date, or into folds that choose on all before', () => {
    expect(walkParts({ split: '2024-01-03' }, dates(5), 'pnl')).toEqual([{ reportFrom: 2, reportTo: 5 }]);
    expect(walkParts({ folds: 3 }, dates(10), 'pnl')).toEqual([
      { reportFrom: 3, reportTo: 6 },
      { reportFrom: 6, reportTo: 8 },
      { reportFrom: 8, reportTo: 10 },
    ]);
  });

  it.each([
    [{ split: '2024-01-01' }, /^--split 2024-01-01: expected a date after the first session/],
    [{ split: '2024-02-01' }, /no later than the last, 2024-01-01 and 2024-01-05/],
    [{ folds: 5 }, /^--folds 5: expected at least 6 sessions, found 5/],
  ])('refuses %j of five sessions', (spec, message) => {
    expect(() => walkParts(spec, dates(5), 'pnl')).toThrow(message);
  });

  it('refuses to choose by a Sharpe ratio of a few sessions', () => {
    expect(() => walkParts({ folds: 1 }, dates(30), 'sharpe')).toThrow(
      /at least 20 sessions to choose on, found 15/,
    );
  });

  it('chooses the best of before and tells its place, and the median, after', () => {
    const curves = [
      [5, 1, -3],
      [1, 2, 4],
      [2, 2, 1],
    ].map(curveOf);
    expect(walkForward(curves, walkParts({ folds: 2 }, dates(3), 'pnl'), 'pnl')).toMatchObject([
      {
        chosen: 0,
        chosenOn: { pnlMicros: 5e6 },
        reported: { pnlMicros: 1e6 },
        rank: 3,
        medianPnlMicros: 2e6,
      },
      {
        chosen: 0,
        chosenOn: { pnlMicros: 6e6 },
        reported: { pnlMicros: -3e6 },
        rank: 3,
        medianPnlMicros: 1e6,
      },
    ]);
  });

  it('gives those that are alike one place, in whatever order they were tried', () => {
    // given: two that did the same in the sessions that report, of which the second is chosen
    const curves = [
      [1, 5],
      [2, 5],
      [0, 7],
    ].map(curveOf);
    expect(walkForward(curves, [{ reportFrom: 1, reportTo: 2 }], 'pnl')).toMatchObject([
      { chosen: 1, rank: 2 },
    ]);
  });

  it('chooses the same whatever comes later', () => {
    const pnl = fc.integer({ min: -1000, max: 1000 });
    const table = fc.array(fc.array(pnl, { minLength: 44, maxLength: 44 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(table, table, fc.constantFrom(...METRICS), (trials, others, metric) => {
        const parts = walkParts({ folds: 1 }, dates(44), metric);
        const changed = trials.map((row, at) => [...row.slice(0, 22), ...(others[at] ?? row).slice(22)]);
        const [fold] = walkForward(trials.map(curveOf), parts, metric);
        const [again] = walkForward(changed.map(curveOf), parts, metric);
        expect(again).toMatchObject({ chosen: fold?.chosen, chosenOn: fold?.chosenOn });
      }),
    );
  });
});

describe('the account of overfitting', () => {
  const drawn = (trial: number, sessions: number): number[] => {
    const draw = createPrng(['account', trial]);
    return curveOf(Array.from({ length: sessions }, () => Math.round(1000 * (draw() - 0.4))));
  };
  const curves = (trials: number, sessions: number): number[][] =>
    Array.from({ length: trials }, (_, trial) => drawn(trial, sessions));
  const asked = { chosen: 0, metric: 'pnl', priorTrials: 0 } as const;

  it.each<[string, number[][], string[] | undefined, RegExp]>([
    ['too few sessions', curves(6, 1), dates(1), /^expected at least 20 sessions, found 1$/],
    ['too few trials', curves(4, 20), dates(20), /^expected at least 5 trials that differ, found 4$/],
    ['trials that are alike', [...curves(4, 20), ...curves(4, 20)], dates(20), /differ, found 4$/],
    ['other sessions', curves(6, 20), undefined, /do not have the same sessions/],
    [
      'a lost account',
      [...curves(6, 20), curveOf([-2e6, ...drawn(1, 18).fill(0)])],
      dates(20),
      /lost all of its capital/,
    ],
  ])('gives no number for %s, and says why', (_, of, sessions, message) => {
    const { deflatedSharpe, probability } = overfittingOf(of, { ...asked, sessions });
    expect(deflatedSharpe).toEqual({ refused: expect.stringMatching(message) });
    expect(probability).toEqual({ refused: expect.stringMatching(message) });
  });

  it('gives none for a best trial that never moved', () => {
    const of = [curveOf(Array(20).fill(0)), ...curves(5, 20)];
    expect(overfittingOf(of, { ...asked, sessions: dates(20) })).toMatchObject({
      deflatedSharpe: { refused: 'the best trial never moved' },
      probability: { parts: 10, splits: 252 },
    });
  });

  it('counts what is alike once, and what was tried before', () => {
    const sessions = dates(20);
    const of = curves(6, 20);
    const ends = of.map((curve) => curve.at(-1)!);
    const best = { ...asked, chosen: ends.indexOf(Math.max(...ends)), sessions };
    const once = overfittingOf(of, best);
    expect(overfittingOf([...of, ...of], best)).toEqual(once);
    const { deflatedSharpe } = overfittingOf(of, { ...best, priorTrials: 1000 });
    if ('refused' in once.deflatedSharpe || 'refused' in deflatedSharpe) throw new Error('refused');
    expect(deflatedSharpe.expectedMaximum).toBeGreaterThan(once.deflatedSharpe.expectedMaximum);
    expect(deflatedSharpe.probability).toBeLessThan(once.deflatedSharpe.probability);
  });
});
