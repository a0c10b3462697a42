import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CorporateAction } from '../../src/domain/corporate-actions.ts';
import { changeSettings } from '../../src/engine/change-settings.ts';
import { step } from '../../src/engine/step.ts';
import { finalSettings } from '../../src/modes/run-identity.ts';
import type { SessionRun } from '../../src/modes/run-sessions.ts';
import { contentsOf, forked, type MadeTape, madeTape } from './forks.ts';
import { datasetOf, find, inserted, replay, set, withRecord } from './tapes.ts';

/** Half days with resting orders, learning, kills and resets, lost connections, a split, shorts overnight. */
const RICH = {
  synth: { symbols: 3, sessions: 3, from: '2024-07-03', signal: 0.5, seed: 5, spreadBps: 0.8 },
  scenario: {
    strict: false,
    prediction: {
      standardizeMinSamples: 30,
      standardizeWindowCycles: 100,
      icWindowPairs: 300,
      confidenceFloor: 0.08,
    },
    blending: { correlationWindowCycles: 100 },
    cycle: { minutes: 3, heartbeatMinutes: 60 },
    execution: { orderType: 'limit', timeInForce: 'day', limitOffsetBps: 1 },
    learning: { algorithm: 'exp3ix', rampStartRewards: 1, rampRewards: 10, explore: 0.3 },
    broker: {
      participationCap: 0.002,
      fee: { kind: 'per_share', perShareDollars: 0.005, minimumDollars: 1 },
    },
    risk: { dailyLoss: 0.0004, lossVelocity: 0.0005 },
    incidents: [
      { kind: 'operator', session: '2024-07-03', minute: 150, command: 'kill' },
      { kind: 'operator', session: '2024-07-03', minute: 165, command: 'reset' },
      { kind: 'connection_lost', session: '2024-07-05', minute: 30, source: 'market_data' },
      { kind: 'connection_restored', session: '2024-07-05', minute: 40, source: 'market_data' },
    ],
  },
} as const;

const SPLIT: CorporateAction = {
  symbol: 'AAA',
  exDate: '2024-07-05',
  kind: 'split',
  oldShares: 1,
  newShares: 2,
  referencePriceE4: 1_000_000,
};

function withSplit(run: SessionRun): SessionRun {
  return { ...run, actions: [SPLIT] };
}

/** Cycles while the switch is tripped and right after an opening. */
const KILLED = 52;
const FIRST_OF_DAY = 70;

let rich: MadeTape;

beforeAll(async () => {
  rich = await madeTape(RICH, withSplit);
});

function seqOf({ records }: MadeTape, cycle: number): number {
  return records.find(({ type, payload }) => type === 'CycleDue' && payload.cycle === cycle)!.seq;
}

describe('a fork without changes', () => {
  it('is taken of a run with all that may be under way', () => {
    const types = new Set(rich.records.map(({ type }) => type));
    for (const type of [
      ...['OrderPartiallyFilled', 'CancelIntended', 'KillSwitchTripped', 'KillSwitchReset'],
      ...['CorporateActionApplied', 'ConnectionLost', 'LearningUpdated', 'Heartbeat'],
    ]) {
      expect(types).toContain(type);
    }
  });

  it('is the run, at any cycle: the same records but for the first and the fork itself', async () => {
    const first = fc.constantFrom(1, KILLED, FIRST_OF_DAY, rich.cycles);
    await fc.assert(
      fc.asyncProperty(fc.oneof(first, fc.integer({ min: 1, max: rich.cycles })), async (cycle) => {
        const fork = await forked(rich, cycle, {});
        const at = seqOf(rich, cycle);
        expect(fork.decisionHead).toBe(rich.decisionHead);
        const expected = contentsOf(rich.records);
        const found = contentsOf(fork.records);
        expect(found.slice(1, at)).toEqual(expected.slice(1, at));
        expect(fork.records[at]!.type).toBe('SettingsChanged');
        // ids of orders hold the number of the record behind them
        expect(found.slice(at + 1).map(typeOf)).toEqual(expected.slice(at).map(typeOf));
      }),
      { numRuns: 6 },
    );
  });
});

describe('a fork with changed settings', () => {
  it('is replayed to the bit, and forks again: the earlier change holds on', async () => {
    const cycle = 23;
    const fork = await forked(rich, cycle, {
      'sizing.maxWeight': 0.02,
      'exchange.fee': { kind: 'bps', bps: 3 },
    });
    const again = await forked(fork, 2 * cycle, { 'risk.maxPositionFrac': 0.005 });
    for (const made of [fork, again]) {
      const result = await replay(made.records, datasetOf(made.run));
      expect(result.divergence).toBeUndefined();
      expect(result.decisionHead).toBe(made.decisionHead);
      expect(result.engine.settings).toEqual(made.engine.settings);
    }
    expect(again.engine.settings).toEqual(finalSettings(again.identity));
    expect(again.engine.settings.sizing.maxWeight).toBe(0.02);
    const at = seqOf(fork, 2 * cycle);
    expect(contentsOf(again.records).slice(1, at)).toEqual(contentsOf(fork.records).slice(1, at));
    const heads = [rich, fork, again].map(({ decisionHead }) => decisionHead);
    expect(new Set(heads).size).toBe(3);
  });

  it('is the same in two makings', async () => {
    const [a, b] = [
      await forked(rich, 40, { 'risk.maxGrossFrac': 0.1 }),
      await forked(rich, 40, { 'risk.maxGrossFrac': 0.1 }),
    ];
    expect(contentsOf(a.records)).toEqual(contentsOf(b.records));
  });

  it('lets what was learned count for nothing at once where its share becomes 0', async () => {
    const at = rich.records.filter(({ type }) => type === 'LearningUpdated').at(-1)!;
    const cycle = find(rich.records, 'CycleDue', { from: at.seq }).payload.cycle as number;
    const fork = await forked(rich, cycle, { 'learning.blend': 0 });
    const { share, omega, fixed } = fork.engine.pipeline.learning!;
    expect(rich.engine.pipeline.learning!.share).toBeGreaterThan(0);
    expect(share).toBe(0);
    expect(omega).toEqual(fixed);
  });

  it('keeps a limit that an operator tightened before, and takes what is named', async () => {
    const { engine } = await replay(rich.records, datasetOf(rich.run), { untilCycle: 60 });
    const tightening = { limit: 'maxGross', value: 0.02, who: 'ann', why: 'a test' } as const;
    step(engine, { type: 'ConfigChanged', tUs: engine.nowUs, ...tightening }, 1);
    expect(engine.settings.risk.maxGrossFrac).toBe(0.02);
    changeSettings(engine, { 'risk.maxNetFrac': 0.5 });
    expect(engine.settings.risk).toMatchObject({ maxGrossFrac: 0.02, maxNetFrac: 0.5 });
    expect(engine.pipeline.riskLimits).toMatchObject({ maxGrossFrac: 0.02, maxNetFrac: 0.5 });
    changeSettings(engine, { 'risk.maxGrossFrac': 1 });
    expect(engine.pipeline.riskLimits.maxGrossFrac).toBe(1);
  });

  it('charges what a working order still fills by the new fees, and never less than nothing', async () => {
    const partial = rich.records.filter(({ type }) => type === 'OrderPartiallyFilled');
    expect(partial.length).toBeGreaterThan(0);
    const cycle = find(rich.records, 'CycleDue', { from: partial[0]!.seq }).payload.cycle as number;
    const fork = await forked(rich, cycle, { 'exchange.fee': { kind: 'bps', bps: 0 } });
    const at = seqOf(rich, cycle);
    const fees = fork.records
      .filter(({ seq, type }) => seq > at && (type === 'OrderFilled' || type === 'OrderPartiallyFilled'))
      .map(({ payload }) => (payload.execution as { feeMicros: number }).feeMicros);
    expect(fees.length).toBeGreaterThan(0);
    expect(new Set(fees)).toEqual(new Set([0]));
  });
});

describe('a fork of a run whose models failed', () => {
  const failing = (run: SessionRun): SessionRun => ({
    ...run,
    inference: {
      ...run.inference!,
      infer: (request) => {
        if (request.cycle === 80) throw new Error('out of memory');
        return run.inference!.infer(request);
      },
    },
  });

  it('has the failure too, and stops there where it is strict from a cycle before on', async () => {
    const made = await madeTape(RICH, failing);
    const { seq } = find(made.records, 'InferenceFailed');
    const same = await forked(made, 50, {});
    expect(same.decisionHead).toBe(made.decisionHead);
    expect(find(same.records, 'InferenceFailed')).toMatchObject({ seq: seq + 1 });
    await expect(forked(made, 50, { strict: true })).rejects.toMatchObject({ code: 'STRICT_STOPPED' });
    const later = await forked(made, 81, { strict: true });
    expect(later.records.at(-1)).toMatchObject({ payload: { reason: 'completed' } });
  });
});

describe('a fork is refused', () => {
  it('where the run does not come out as recorded before the cycle', async () => {
    const { seq, payload } = find(rich.records, 'CycleCompleted', { from: seqOf(rich, 30) });
    const records = withRecord(rich.records, seq, { payload: set(payload, ['equityMicros'], 1) });
    const altered = { ...rich, records };
    await expect(forked(altered, 60, {})).rejects.toMatchObject({ code: 'FORK_PREFIX_DIFFERS', exitCode: 1 });
    await expect(forked(altered, 60, {})).rejects.toThrow(`first difference at seq ${seq}, cycle 30`);
  });

  it('where the run asked its models about other features, also after the cycle', async () => {
    const { seq, payload } = find(rich.records, 'InferenceRequested', { from: seqOf(rich, 30) });
    const digest = 'f'.repeat((payload.featuresDigest as string).length);
    const records = withRecord(rich.records, seq, { payload: set(payload, ['featuresDigest'], digest) });
    await expect(forked({ ...rich, records }, 20, {})).rejects.toMatchObject({
      code: 'FORK_FEATURES_DIFFER',
    });
  });

  it('where the new settings have no place for what the run remembers', async () => {
    for (const changes of [
      { 'prediction.standardizeWindow': 99 },
      { 'blending.correlationWindow': 7 },
      { 'learning.algorithm': 'off' },
    ]) {
      await expect(forked(rich, 60, changes)).rejects.toThrow(/cannot be carried over/);
    }
    await expect(forked(rich, 60, { 'risk.none.such': 1 })).rejects.toThrow(/no setting of an engine/);
    await expect(forked(rich, 60, { nothing: 1 })).rejects.toThrow(/no setting of an engine/);
  });
});

function typeOf(content: string): string {
  return (JSON.parse(content) as { type: string }).type;
}

it('a tightening after the fork holds where it still is one, and is left out where the fork is as tight', async () => {
  const made = await madeTape({
    synth: { symbols: 2, sessions: 1, from: '2024-07-03', signal: 0.5, seed: 3 },
  });
  const due = find(made.records, 'CycleDue', { where: ({ cycle }) => cycle === 60 });
  const tightenedTo = async (value: number) => {
    const payload = { limit: 'maxGross', value, who: 'w', why: 'y' };
    const records = inserted(made.records, due.seq, { t: due.t, type: 'ConfigChanged', payload });
    const fork = await forked({ ...made, records }, 30, { 'risk.maxGrossFrac': 0.2 });
    const said = fork.records.filter(({ type }) => type === 'ConfigChanged' || type === 'ErrorRaised');
    return { said: said.map(({ type }) => type), maxGross: fork.engine.settings.risk.maxGrossFrac };
  };
  expect(await tightenedTo(0.1)).toEqual({ said: ['ConfigChanged'], maxGross: 0.1 });
  expect(await tightenedTo(0.2)).toEqual({ said: [], maxGross: 0.2 });
  expect(await tightenedTo(0.4)).toEqual({ said: [], maxGross: 0.2 });
});
