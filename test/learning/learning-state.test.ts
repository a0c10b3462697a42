import { describe, expect, it } from 'vitest';
import type { LearningSettings } from '../../src/domain/settings.ts';
import { encodeState } from '../../src/engine/snapshot.ts';
import { viewLearning } from '../../src/learning/bandit-state.ts';
import { parseLearningStart } from '../../src/learning/learning-start.ts';
import {
  createLearning,
  fillOmega,
  type LearningState,
  learnFromForecasts,
  learnFromReward,
  settleForecasts,
  useHorizons,
} from '../../src/learning/learning-state.ts';

const SETTINGS: LearningSettings = {
  algorithm: 'exp3ix',
  explore: 0.1,
  rewardSigmas: 3,
  blend: 0.3,
  rampStartRewards: 4,
  rampRewards: 4,
  staticWeights: {},
};

function learning(settings: Partial<LearningSettings> = {}, horizons = ['5m', '15m']): LearningState {
  return createLearning({ settings: { ...SETTINGS, ...settings }, horizons, symbolCount: 2 })!;
}

function reward(state: LearningState, arm: number, loss: number): boolean {
  const terms = { arm, propensity: 0.5, sigma: 0.001 };
  return learnFromReward(state, { terms, loss, reward: 1 - 2 * loss, netReturn: 0 });
}

const omegaOf = (state: LearningState): number[] => {
  const out = new Float64Array(state.armOfHorizon.length);
  fillOmega(state, out);
  return Array.from(out);
};

describe('learning', () => {
  it('is nothing at all when it is off, or when no horizon has models', () => {
    expect(
      createLearning({ settings: { ...SETTINGS, algorithm: 'off' }, horizons: ['5m'], symbolCount: 1 }),
    ).toBeNull();
    expect(createLearning({ settings: SETTINGS, horizons: [], symbolCount: 1 })).toBeNull();
  });

  it('leaves omega static until the ramp starts, then moves it to (1 - b) * static + b * learned', () => {
    const state = learning({ staticWeights: { '5m': 3, '15m': 1 } });
    for (let k = 0; k < 4; k += 1) reward(state, 0, 1);
    expect(omegaOf(state)).toEqual([0.75, 0.25]);
    for (let k = 0; k < 4; k += 1) reward(state, 0, 1);
    const [learned] = state.weights.probabilities;
    expect(learned!).toBeLessThan(0.5);
    expect(omegaOf(state)[0]).toBeCloseTo(0.7 * 0.75 + 0.3 * learned!, 14);
  });

  it('by hedge does not learn from closed positions', () => {
    const state = learning({ algorithm: 'hedge' });
    reward(state, 0, 1);
    expect(state.weights.rounds).toBe(0);
  });

  it('by hedge counts them for the ramp, which its own rounds do not move', () => {
    const state = learning({ algorithm: 'hedge' });
    for (let k = 0; k < 20; k += 1) learnFromForecasts(state, 0, matured(0.5));
    settleForecasts(state);
    expect([state.weights.rounds, state.share]).toEqual([20, 0]);
    expect(omegaOf(state)).toEqual([0.5, 0.5]);
    const moved = Array.from({ length: 8 }, (_, k) => {
      state.tracker.tallies[k % 2]!.roundTrips += 1;
      return reward(state, k % 2, 0.5);
    });
    expect(moved).toEqual([false, false, false, false, true, true, true, true]);
    expect(state.share).toBeCloseTo(0.3, 14);
    expect(omegaOf(state)[0]!).toBeGreaterThan(0.5);
  });

  it('takes a horizon in at run time, between those it has, without moving what was learned about them', () => {
    const state = learning();
    for (let k = 0; k < 10; k += 1) reward(state, 1, 0.9);
    const before = Array.from(state.weights.lossSums);
    useHorizons(state, ['5m', '10m', '15m']);
    expect(state.arms).toEqual(['5m', '15m', '10m']);
    expect(Array.from(state.armOfHorizon)).toEqual([0, 2, 1]);
    expect(Array.from(state.weights.lossSums).slice(0, 2)).toEqual(before);
    const omega = omegaOf(state);
    expect(omega.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
    expect(omega[2]).toBe(Math.min(...omega));
    reward(state, 2, 0);
    expect(state.weights.rounds).toBe(11);
  });
});

/** Forecasts of one cycle by what they were worth, symbol by symbol. */
function matured(...scores: readonly number[]) {
  const realized = Float64Array.from(scores);
  return { count: scores.length, predictions: new Float64Array(scores.length).fill(1), realized };
}

describe('forecast scores', () => {
  const hedge = () => learning({ algorithm: 'hedge', rampStartRewards: 0, rampRewards: 0, blend: 1 });

  it('of one cycle and horizon are averaged over symbols, and cost the arm half of it', () => {
    const state = hedge();
    learnFromForecasts(state, 0, matured(0.5, -0.1));
    expect(settleForecasts(state)).toBe(true);
    expect(Array.from(state.weights.lossSums)).toEqual([-0.1, 0]);
    expect(state.weights.rounds).toBe(1);
    expect(omegaOf(state)[0]!).toBeGreaterThan(0.5);
  });

  it('of two cycles that come due together count as two', () => {
    const state = hedge();
    learnFromForecasts(state, 1, matured(0.4, 0.4));
    learnFromForecasts(state, 1, matured(0.4));
    settleForecasts(state);
    expect(state.weights.lossSums[1]).toBeCloseTo(-0.4, 14);
    expect(state.weights.rounds).toBe(2);
  });

  it('are clipped one by one', () => {
    const state = hedge();
    learnFromForecasts(state, 0, matured(1e300, -0.5));
    settleForecasts(state);
    expect(state.weights.lossSums[0]).toBe(-0.125);
  });

  it('change nothing when there are none', () => {
    const state = hedge();
    expect(settleForecasts(state)).toBe(false);
    learnFromForecasts(state, 0, matured(0.1));
    settleForecasts(state);
    const before = JSON.stringify(encodeState(state));
    expect(settleForecasts(state)).toBe(false);
    expect(JSON.stringify(encodeState(state))).toBe(before);
  });

  it('are nothing to a bandit', () => {
    const state = learning();
    learnFromForecasts(state, 0, matured(0.5));
    expect(settleForecasts(state)).toBe(false);
    expect(Array.from(state.weights.lossSums)).toEqual([0, 0]);
  });

  it('of a new horizon start at zero cycles', () => {
    const state = hedge();
    learnFromForecasts(state, 0, matured(0.5));
    settleForecasts(state);
    useHorizons(state, ['5m', '15m', '30m']);
    expect(Array.from(state.forecasts!.scored)).toEqual([1, 0, 0]);
    learnFromForecasts(state, 2, matured(0.5));
    settleForecasts(state);
    expect(state.weights.rounds).toBe(1);
  });
});

describe('bandit_state.json', () => {
  it.each(['exp3ix', 'hedge'] as const)('starts a later run at the same bits, by %s', (algorithm) => {
    const first = learning({ algorithm });
    for (let k = 0; k < 9; k += 1) {
      reward(first, k % 2, (k * 0.37) % 1);
      learnFromForecasts(first, k % 2, matured(0.1 * k - 0.3));
      settleForecasts(first);
    }
    const file: unknown = JSON.parse(JSON.stringify(viewLearning(first)));
    const start = parseLearningStart(file, 'bandit_state.json');
    const settings = { ...SETTINGS, algorithm };
    const second = createLearning({ settings, horizons: ['5m', '15m'], symbolCount: 2, start })!;
    expect(encodeState(second)).toEqual(encodeState(first));
  });

  it('gives a horizon that is new to it the place of one that joined late', () => {
    const first = learning();
    reward(first, 0, 0.5);
    const start = parseLearningStart(viewLearning(first), 'f');
    const second = createLearning({
      settings: SETTINGS,
      horizons: ['5m', '10m', '15m'],
      symbolCount: 1,
      start,
    })!;
    expect(second.arms).toEqual(['5m', '15m', '10m']);
    expect(second.weights.lossSums[2]).toBe(first.weights.learnerLoss);
  });

  const good = JSON.stringify(viewLearning(learning()));
  it.each([
    ['another version', (f: Changed) => ({ ...f, version: 2 }), 'version: expected 1, found 2'],
    [
      'another algorithm',
      (f: Changed) => ({ ...f, algorithm: 'ucb' }),
      'algorithm: expected exp3ix or hedge, found "ucb"',
    ],
    ['no arms', (f: Changed) => ({ ...f, arms: [] }), 'arms: expected a list of horizons, found []'],
    ['a list', () => [], 'expected an object, found []'],
    [
      'a negative count',
      (f: Changed) => ({ ...f, rounds: -1 }),
      'rounds: expected a count, 0 or more, found -1',
    ],
    [
      'a loss that is no number',
      (f: Changed) => ({ ...f, learnerLoss: null }),
      'learnerLoss: expected a finite number, found null',
    ],
    [
      'an arm without a name',
      (f: Changed) => ({ ...f, arms: [{ ...f.arms[0], horizon: '' }] }),
      'arms[0].horizon: expected a horizon such as 5m, found ""',
    ],
    [
      'an arm without losses',
      (f: Changed) => ({ ...f, arms: [{ ...f.arms[0], lossSum: 'x' }] }),
      'arms[0].lossSum: expected a finite number, found "x"',
    ],
    [
      'an arm twice',
      (f: Changed) => ({ ...f, arms: [f.arms[0], f.arms[0]] }),
      'arms[1].horizon: expected each horizon once, found "5m"',
    ],
    [
      'a number for a horizon',
      (f: Changed) => ({ ...f, arms: [{ ...f.arms[0], horizon: 5 }] }),
      'arms[0].horizon: expected a horizon such as 5m, found 5',
    ],
    [
      'a loss beyond all numbers',
      (f: Changed) => ({ ...f, learnerLoss: Number.POSITIVE_INFINITY }),
      'learnerLoss: expected a finite number, found null',
    ],
    ['nothing in it', () => null, 'x.json: expected an object, found null'],
    ['a text in it', () => 'text', 'x.json: expected an object, found "text"'],
    ['no version', () => ({}), 'x.json: version: expected 1, found nothing;'],
    [
      'something long',
      (f: Changed) => ({ ...f, version: 'v'.repeat(100) }),
      `version: expected 1, found "${'v'.repeat(59)};`,
    ],
    [
      'an arm without a return',
      (f: Changed) => ({ ...f, arms: [{ ...f.arms[0], netReturnSum: null }] }),
      'x.json: arms[0].netReturnSum: expected a finite number, found null',
    ],
  ])('with %s is refused, and the message says where', (_what, change, message) => {
    const file = JSON.parse(good) as Changed;
    const parse = () => parseLearningStart(change(file), 'x.json');
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ code: 'BANDIT_STATE_INVALID' }));
  });

  it.each(['roundTrips', 'wins', 'losses', 'forecastsScored'])('counts %s in whole numbers', (field) => {
    const file = JSON.parse(good) as Changed;
    const changed = { ...file, arms: [{ ...file.arms[0], [field]: 0.5 }] };
    expect(() => parseLearningStart(changed, 'x.json')).toThrow(
      `x.json: arms[0].${field}: expected a count, 0 or more, found 0.5; name a state/bandit_state.json`,
    );
  });

  it('brings the tallies of its round trips along', () => {
    const first = learning();
    Object.assign(first.tracker.tallies[1]!, { roundTrips: 3, wins: 2, losses: 1, netReturnSum: 0.01 });
    const start = parseLearningStart(viewLearning(first), 'f');
    const second = createLearning({ settings: SETTINGS, horizons: ['15m'], symbolCount: 1, start })!;
    expect(second.tracker.tallies).toEqual(first.tracker.tallies);
  });

  it('of one algorithm is no start for another', () => {
    const start = parseLearningStart(viewLearning(learning()), 'f');
    const settings = { ...SETTINGS, algorithm: 'hedge' } as const;
    const create = () => createLearning({ settings, horizons: ['5m'], symbolCount: 1, start });
    expect(create).toThrow('hedge cannot start from exp3ix');
  });
});

interface Changed {
  readonly arms: readonly Readonly<Record<string, unknown>>[];
}
