import { beforeAll, describe, expect, it } from 'vitest';
import { expectForkable } from '../../src/config/fork-keys.ts';
import { type SchemaNode, scenarioJsonSchema } from '../../src/config/json-schema.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import { carrySettings, isEqual } from '../../src/domain/carry-settings.ts';
import { settingChanges } from '../../src/domain/setting-changes.ts';
import { changeSettings } from '../../src/engine/change-settings.ts';
import { createEngine, type Engine } from '../../src/engine/engine-state.ts';
import { decodeState, encodeState } from '../../src/engine/snapshot.ts';
import { engineConfig, finalSettings } from '../../src/modes/run-identity.ts';
import { stageDigests } from '../../src/pipeline/stage-digests.ts';
import { warmDesk } from '../engine/desk.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { forked, type MadeTape, madeTape } from './forks.ts';
import { datasetOf, replay } from './tapes.ts';

type Sections = Record<string, Record<string, unknown>>;

const BASE = {
  synth: { symbols: 3, sessions: 2, from: '2024-07-03', signal: 0.5, seed: 5, spreadBps: 0.8 },
  scenario: {
    strict: false,
    prediction: {
      standardizeMinSamples: 10,
      standardizeWindowCycles: 100,
      icWindowPairs: 300,
      confidenceFloor: 0.08,
      volMinReturns: 4,
      icMinPairs: 20,
    },
    blending: { correlationWindowCycles: 100 },
    cycle: { minutes: 4 },
    execution: { orderType: 'limit', timeInForce: 'day', limitOffsetBps: 1 },
    learning: { algorithm: 'exp3ix', rampStartRewards: 1, rampRewards: 10, explore: 0.3 },
    risk: {
      sectors: { one: ['AAA', 'BBB'], two: ['CCC'] },
      maxSector: 0.4,
      maxPosition: 0.15,
    },
    broker: { participationCap: 0.01 },
  } as unknown as Sections,
};

/** Another value for every key that can change. */
const VALUES: Sections = {
  prediction: {
    standardizeMinSamples: 40,
    standardizeMinStd: 0.0005,
    rankMinSymbols: 2, // no model here ranks
    scoreClip: 0.5,
    icMinPairs: 200,
    icShrinkPairs: 2000,
    icRecomputeCycles: 5,
    confidenceFloor: 0.5,
    freshnessTauSeconds: { '5m': 5 }, // every bar is new
    freshnessTauDefaultSeconds: 7, // both horizons have their own
    capacityKappa: 1e-9,
    stabilityDefault: 0.9,
    volHalfLifeBars: 3,
    volMinReturns: 9,
    overnightHalfLifeSessions: 1, // no horizon is a night long
  },
  blending: {
    ridgeLambda: 5,
    costPenalty: 0.99,
    muFloor: 0.5,
    temperature: { '5m': 0.1 },
    temperatureDefault: 0.2,
  },
  arbitration: {
    k1: 0.1,
    k2: 0.9,
    k3: 9,
    impactBps: 40,
    impactParticipation: 0.5,
    entryThresholdBps: 3,
    reserve: 2,
  },
  gating: {
    enableSpreadGate: false,
    maxSpreadBps: 0.7,
    maxQuoteAgeSeconds: 1,
    enableBarrierGate: false,
    gateFloor: 0.9,
    peakExponent: 5,
    valleyExponent: 4,
    favourableBase: 0.05,
    peakThreshold: 0.1,
    valleyThreshold: 0.1,
    exitMargin: 0.4,
    opposingAlphaCostFraction: 0,
    endOfDayFlattenMinutes: 60,
  },
  sizing: {
    icRef: 0.5,
    zMax: 0.5,
    maxWeight: 0.2,
    band: 0.0001,
    bandGrossFraction: 0.9,
    grossTarget: 0.05,
    lotShares: 50,
    minTradeNotionalDollars: 20000,
  },
  risk: {
    priceCollarBps: 0.01,
    maxOrderValueDollars: 9000,
    maxOrderShares: 40,
    maxAdvFraction: 0.00001,
    maxOpenOrdersPerSymbol: 1,
    maxOpenOrders: 1,
    maxOrdersPerMinute: 1,
    maxRepeatedExecutions: 1,
    cooldownSeconds: 1000,
    maxPosition: 0.01,
    maxGross: 0.02,
    maxNet: 0.01,
    maxSector: 0.01,
    allowShort: false,
    restrictedSymbols: ['AAA'],
    maxDataAgeSeconds: 0.5,
    maxQuoteAgeSeconds: 0.5,
    tickDollars: 0.5,
    subDollarTickDollars: 0.01,
    dailyLoss: 0.0001,
    drawdown: 0.0001,
    lossVelocity: 0.0001,
    warnFraction: 0.01,
    killAction: 'flatten',
  },
  execution: { orderType: 'market', limitOffsetBps: 3, timeInForce: 'ioc', cancelRetrySeconds: 9 },
  broker: {
    slippageBps: 7,
    impactBps: 99,
    participationCap: 0.0005,
    displayedSizeCap: 0.01,
    decisionAllowanceSeconds: 60,
    fee: { kind: 'bps', bps: 9 },
    allowShort: false,
    borrow: { unavailable: ['AAA'], annualBps: 9000 },
    leverage: 0.05,
  },
  learning: {
    explore: 0.9,
    rewardSigmas: 0.2,
    blend: 1,
    rampStartRewards: 20,
    rampRewards: 1000,
    staticWeights: { '5m': 9 },
  },
  reconciliation: { mode: 'warn', everyCycles: 7, confirmations: 1 },
};

/** Keys that this run decides alike with, so that only their settings show: gates that nothing meets, calm brokers. */
const QUIET: ReadonlySet<string> = new Set([
  'prediction.rankMinSymbols',
  'prediction.freshnessTauSeconds',
  'prediction.freshnessTauDefaultSeconds',
  'prediction.overnightHalfLifeSessions',
  'blending.temperatureDefault',
  'gating.enableSpreadGate',
  'gating.maxQuoteAgeSeconds',
  'gating.exitMargin',
  'sizing.bandGrossFraction',
  'risk.maxOpenOrdersPerSymbol',
  'risk.maxDataAgeSeconds',
  'risk.maxQuoteAgeSeconds',
  'risk.subDollarTickDollars',
  'risk.warnFraction',
  'risk.killAction',
  'execution.cancelRetrySeconds',
  'broker.displayedSizeCap',
  'broker.decisionAllowanceSeconds',
  'reconciliation.mode',
  'reconciliation.everyCycles',
  'reconciliation.confirmations',
]);

function withValue(section: string, key: string, value: unknown): Sections {
  return { ...BASE.scenario, [section]: { ...BASE.scenario[section], [key]: value } };
}

function keysOf(node: SchemaNode): readonly (readonly [string, string])[] {
  return Object.entries(node.properties ?? {}).flatMap(([section, { properties }]) =>
    Object.keys(properties ?? {}).map((key) => [section, key] as const),
  );
}

function canFork(section: string, key: string): boolean {
  try {
    expectForkable(parseSetOption(`${section}.${key}=1`, '/'));
    return true;
  } catch {
    return false;
  }
}

const CHANGING = keysOf(scenarioJsonSchema()).filter(([section, key]) => canFork(section, key));

describe('every key that can change while a run goes on', () => {
  let base: MadeTape;

  beforeAll(async () => {
    base = await madeTape(BASE);
  });

  it('has a value here that is another, and those that cannot have none', () => {
    const listed = Object.entries(VALUES).flatMap(([section, keys]) =>
      Object.keys(keys).map((key) => `${section}.${key}`),
    );
    expect(listed.sort()).toEqual(CHANGING.map((key) => key.join('.')).sort());
  });

  it.each(CHANGING)(
    '%s.%s, from the first cycle on, gives the run that is made with it',
    async (section, key) => {
      const options = { ...BASE, scenario: withValue(section, key, VALUES[section]![key]) };
      const anew = await madeTape(options);
      const { settings } = syntheticRun(options).identity;
      const changes = settingChanges(base.identity.settings, settings);
      expect(Object.keys(changes).length).toBeGreaterThan(0);
      const fork = await forked(base, 1, changes);
      expect(finalSettings(fork.identity)).toEqual(settings);
      expect(fork.engine.settings).toEqual(settings);
      expect(fork.decisionHead).toBe(anew.decisionHead);
      expect(fork.decisionHead === base.decisionHead).toBe(QUIET.has(`${section}.${key}`));
    },
  );

  it('holds from the middle on, for each by itself: the engine has it wherever a new one has', async () => {
    const untilCycle = Math.floor(base.cycles / 2);
    const { engine } = await replay(base.records, datasetOf(base.run), { untilCycle });
    const snapshot = encodeState(engine);
    for (const [section, key] of CHANGING) {
      const changed = decodeState(snapshot) as Engine;
      const scenario = withValue(section, key, VALUES[section]![key]);
      const { settings } = syntheticRun({ ...BASE, scenario }).identity;
      changeSettings(changed, settingChanges(base.identity.settings, settings));
      expect(changed.settings).toEqual(settings);
      const config = engineConfig(base.identity);
      const fresh = { before: createEngine(config), after: createEngine({ ...config, settings }) };
      expect(placesLeft(fresh, changed), `${section}.${key}`).toEqual([]);
    }
  });
});

describe('the cycle after changed settings', () => {
  it('is digested as that of an engine read back from a snapshot, whose arrays are all its own', () => {
    const desk = warmDesk({ scenario: { prediction: { stabilityDefault: 0.9, icMinPairs: 2000 } } });
    desk.next({ AAA: 'long' });
    const changes = settingChanges(desk.engine.settings, {
      ...desk.engine.settings,
      prediction: { ...desk.engine.settings.prediction, stabilityDefault: 0.4 },
    });
    const copy = decodeState(encodeState(desk.engine)) as Engine;
    changeSettings(desk.engine, changes);
    changeSettings(copy, changes);
    const digestOf = (engine: Engine) => stageDigests(engine.pipeline, 'features');
    expect([...desk.engine.pipeline.prediction.confidence.stability]).toContain(0.4);
    expect(digestOf(desk.engine)).toEqual(digestOf(copy));
  });
});

interface Fresh {
  readonly before: unknown;
  readonly after: unknown;
}

/** Places that settings decide, in which a state still has what the settings before gave them. */
function placesLeft({ before, after }: Fresh, state: unknown, path = ''): string[] {
  if (isEqual(before, after)) return [];
  const isInside = [before, after, state].every((value) => typeof value === 'object' && value !== null);
  if (!isInside) return Object.is(state, before) ? [path] : [];
  const [a, b, c] = [before, after, state] as Record<string, unknown>[];
  return Object.keys(b!).flatMap((key) =>
    placesLeft({ before: a![key], after: b![key] }, c![key], `${path}.${key}`),
  );
}

describe('carrying settings over', () => {
  it('keeps what has gathered in maps and sets next to a setting', () => {
    const created = (limit: number) => ({
      part: { limit, orders: new Map<string, number>(), seen: new Set<string>() },
    });
    for (const gather of [
      (part: ReturnType<typeof created>['part']) => part.orders.set('a', 1),
      (part: ReturnType<typeof created>['part']) => part.seen.add('a'),
    ]) {
      const state = created(1);
      gather(state.part);
      const { orders, seen } = structuredClone(state.part);
      carrySettings(state, { before: created(1), after: created(2) });
      expect(state.part).toEqual({ limit: 2, orders, seen });
    }
  });
});
