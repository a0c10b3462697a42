import { InputError } from '../domain/errors.ts';
import type { ConfigNode } from './config-tree.ts';
import type { Override } from './overrides.ts';
import type { Scenario } from './schema.ts';

/** Why a key cannot change while a run goes on; null where it can. */
type Refusal = string | null;

type Sections = {
  readonly [S in keyof Required<Scenario>]: NonNullable<Scenario[S]> extends readonly unknown[]
    ? Refusal
    : NonNullable<Scenario[S]> extends object
      ? string | { readonly [K in keyof Required<NonNullable<Scenario[S]>>]: Refusal }
      : Refusal;
};

const NAMES = 'it decides nothing';
const INPUT = 'it decides what goes into a run, and a fork has what went into the run it leaves';
const ANSWERS = 'it decides what the models answered, and a fork has the answers of the run it leaves';
const WINDOW = 'it is the length of a window that the run has filled';
const START = 'it is what a run starts with';
const LIVE = 'it is for brokers, and a fork trades on the simulated exchange';

/** Every key of a scenario; one that is added without a line here does not compile. */
const REFUSALS: Sections = {
  name: NAMES,
  description: NAMES,
  extends: NAMES,
  seed: START,
  strict: null,
  data: INPUT,
  models: ANSWERS,
  warmStart: START,
  horizons: 'models, windows and what was learned have one place for each',
  cycle: INPUT,
  account: START,
  prediction: {
    standardizeWindowCycles: WINDOW,
    standardizeMinSamples: null,
    standardizeMinStd: null,
    rankMinSymbols: null,
    scoreClip: null,
    icWindowPairs: WINDOW,
    icMinPairs: null,
    icShrinkPairs: null,
    icRecomputeCycles: null,
    confidenceFloor: null,
    freshnessTauSeconds: null,
    freshnessTauDefaultSeconds: null,
    capacityKappa: null,
    stabilityDefault: null,
    volHalfLifeBars: null,
    volMinReturns: null,
    overnightHalfLifeSessions: null,
    deadlineMilliseconds: ANSWERS,
    meanLatencyMilliseconds: ANSWERS,
  },
  blending: {
    ridgeLambda: null,
    costPenalty: null,
    muFloor: null,
    correlationWindowCycles: WINDOW,
    temperature: null,
    temperatureDefault: null,
  },
  arbitration: {
    k1: null,
    k2: null,
    k3: null,
    impactBps: null,
    impactParticipation: null,
    entryThresholdBps: null,
    reserve: null,
  },
  gating: {
    enableSpreadGate: null,
    maxSpreadBps: null,
    maxQuoteAgeSeconds: null,
    enableBarrierGate: null,
    gateFloor: null,
    peakExponent: null,
    valleyExponent: null,
    favourableBase: null,
    peakThreshold: null,
    valleyThreshold: null,
    exitMargin: null,
    opposingAlphaCostFraction: null,
    endOfDayFlattenMinutes: null,
  },
  sizing: {
    icRef: null,
    zMax: null,
    maxWeight: null,
    band: null,
    bandGrossFraction: null,
    grossTarget: null,
    lotShares: null,
    minTradeNotionalDollars: null,
  },
  risk: {
    priceCollarBps: null,
    maxOrderValueDollars: null,
    maxOrderShares: null,
    maxAdvFraction: null,
    maxOpenOrdersPerSymbol: null,
    maxOpenOrders: null,
    maxOrdersPerMinute: null,
    maxRepeatedExecutions: null,
    repeatedExecutionMinutes: WINDOW,
    cooldownSeconds: null,
    maxPosition: null,
    maxGross: null,
    maxNet: null,
    sectors: 'what was warned of is remembered by sector',
    maxSector: null,
    allowShort: null,
    restrictedSymbols: null,
    maxDataAgeSeconds: null,
    maxQuoteAgeSeconds: null,
    maxDataGapMinutes: INPUT,
    tickDollars: null,
    subDollarTickDollars: null,
    dailyLoss: null,
    drawdown: null,
    lossVelocity: null,
    lossVelocityMinutes: WINDOW,
    warnFraction: null,
    killAction: null,
  },
  execution: { orderType: null, limitOffsetBps: null, timeInForce: null, cancelRetrySeconds: null },
  broker: {
    source: LIVE,
    resendSeconds: LIVE,
    slippageBps: null,
    impactBps: null,
    participationCap: null,
    displayedSizeCap: null,
    decisionAllowanceSeconds: null,
    fee: null,
    allowShort: null,
    borrow: null,
    leverage: null,
    credentials: LIVE,
    alpaca: LIVE,
    ibkr: LIVE,
  },
  incidents: INPUT,
  learning: {
    algorithm: 'what was learned is remembered in another form; learning.blend=0 lets it count for nothing',
    explore: null,
    rewardSigmas: null,
    blend: null,
    rampStartRewards: null,
    rampRewards: null,
    staticWeights: null,
    warmStart: START,
  },
  latency: LIVE,
  alerts: NAMES,
  reconciliation: { mode: null, everyCycles: null, cashToleranceDollars: LIVE, confirmations: null },
};

/**
 * Checks that a running engine can take what is overridden. Keys that no scenario has pass: loading refuses them better.
 * @throws InputError FORK_KEY for a key that cannot change while a run goes on, saying why and what to do
 */
export function expectForkable({ path, node }: Override): void {
  const [section] = path;
  if (section === undefined || !Object.hasOwn(REFUSALS, section)) return;
  const refusals = REFUSALS[section as keyof Sections];
  if (typeof refusals === 'string') throw refused(path, refusals);
  if (refusals === null) return;
  for (const key of path.length > 1 ? [path[1]!] : keysOf(node)) {
    const refusal = Object.hasOwn(refusals, key)
      ? (refusals as Readonly<Record<string, Refusal>>)[key]
      : null;
    if (typeof refusal === 'string') throw refused(path.length > 1 ? path : [section, key], refusal);
  }
}

function keysOf(node: ConfigNode): readonly string[] {
  return node.kind === 'map' ? [...node.entries.keys()] : [];
}

function refused(path: readonly string[], why: string): InputError {
  return new InputError(
    'FORK_KEY',
    `--set ${path.join('.')}: cannot change while a run goes on: ${why}; run the scenario anew with it`,
  );
}
