import { describe, expect, it } from 'vitest';
import { load, MINIMAL } from './workspace.ts';

describe('a scenario that sets nothing', () => {
  it('has the defaults of the pipeline page', () => {
    const { engine, horizons } = load(MINIMAL).settings;
    expect(horizons.map(({ label, minutes }) => [label, minutes])).toEqual([
      ['5m', 5],
      ['10m', 10],
      ['15m', 15],
      ['30m', 30],
      ['60m', 60],
      ['1d', 390],
    ]);
    expect(engine.prediction).toEqual({
      standardizeWindow: 3900,
      standardizeMinSamples: 100,
      standardizeMinStd: 1e-9,
      rankMinSymbols: 5,
      scoreClip: 3,
      icWindow: 20_000,
      icMinPairs: 50,
      icShrinkPairs: 200,
      icRecomputeCycles: 30,
      confidenceFloor: 0.01,
      freshnessTauSeconds: { '5m': 150, '10m': 300, '15m': 450, '30m': 900, '60m': 1800, '1d': 7200 },
      freshnessTauDefaultSeconds: 300,
      capacityKappa: 0.1,
      stabilityDefault: 0.5,
      volHalfLifeBars: 78,
      volMinReturns: 12,
      overnightHalfLifeSessions: 20,
    });
    expect(engine.blending).toEqual({
      ridgeLambda: 0.15,
      costPenalty: 0.5,
      muFloor: 0.01,
      correlationWindow: 390,
      temperature: { '5m': 0.75, '10m': 0.85, '15m': 0.9, '30m': 1, '60m': 1, '1d': 1 },
      temperatureDefault: 1,
    });
    expect(engine.arbitration).toEqual({
      k1: 1,
      k2: 0.05,
      k3: 1,
      impactBps: 10,
      impactParticipation: 0.01,
      entryThresholdBps: 0.25,
      reserve: 0,
    });
    expect(engine.gating).toEqual({
      enableSpreadGate: true,
      maxSpreadBps: 12,
      maxQuoteAgeSeconds: 2,
      enableBarrierGate: true,
      gateFloor: 0.2,
      peakExponent: 1,
      valleyExponent: 0.5,
      favourableBase: 0.5,
      peakThreshold: 0.6,
      valleyThreshold: 0.55,
      exitMargin: 0.05,
      opposingAlphaCostFraction: 0.5,
      endOfDayFlattenMinutes: 0,
    });
    expect(engine.sizing).toEqual({
      icRef: 0.05,
      zMax: 3,
      maxWeight: 0.05,
      band: 0.008,
      bandGrossFraction: 0.2,
      grossTarget: 0.5,
      lotShares: 1,
      minTradeNotionalMicros: 0,
    });
    expect(engine.risk).toMatchObject({
      cooldownSeconds: 5,
      maxPositionFrac: 0.2,
      maxGrossFrac: 1,
      dailyLossFrac: 0.02,
      drawdownFrac: 0.1,
      warnFraction: 0.7,
      killAction: 'reduce_only',
    });
  });

  it('gives money in micro-dollars and prices in 1e-4 dollars', () => {
    const { engine } = load(
      `${MINIMAL}account: { initialCashDollars: 25000.5 }
sizing: { minTradeNotionalDollars: 100 }
risk: { maxOrderValueDollars: 1234.567891, tickDollars: 0.05 }
broker: { fee: { kind: per_share, perShareDollars: 0.0035, minimumDollars: 0.35 } }
`,
    ).settings;
    expect(engine.initialCashMicros).toBe(25_000_500_000);
    expect(engine.sizing.minTradeNotionalMicros).toBe(100_000_000);
    expect(engine.risk.maxOrderValueMicros).toBe(1_234_567_891);
    expect(engine.risk.tickE4).toBe(500);
    expect(engine.exchange.fee).toEqual({ kind: 'per_share', perShareMicros: 3500, minimumMicros: 350_000 });
  });

  it('keeps ten trading days of cycles for the standardiser, however long a cycle is', () => {
    const window = (minutes: number) =>
      load(`${MINIMAL}cycle: { minutes: ${minutes} }\nprediction: { standardizeMinSamples: 10 }\n`).settings
        .engine.prediction.standardizeWindow;
    expect([window(1), window(5), window(389)]).toEqual([3900, 780, 10]);
  });
});

describe('values by horizon', () => {
  it('keep their defaults where the scenario names others, and 1h is 60m', () => {
    const { prediction, blending } = load(
      `${MINIMAL}horizons: [1h, 45m, 5m]
prediction: { freshnessTauSeconds: { 5m: 99 } }
blending: { temperature: { 45m: 0.5 } }
`,
    ).settings.engine;
    expect(prediction.freshnessTauSeconds).toEqual({ '5m': 99, '45m': 300, '1h': 1800 });
    expect(blending.temperature).toEqual({ '5m': 0.75, '45m': 0.5, '1h': 1 });
  });
});

describe('the identity of a scenario', () => {
  const text = (symbols: string, horizons: string, path: string) =>
    `name: a\ndata: { dataset: ${path}, symbols: ${symbols} }\nhorizons: ${horizons}\nrisk: { restrictedSymbols: ${symbols} }\n`;

  it('does not depend on the order of symbols, horizons or keys, nor on paths or the description', () => {
    const one = load(text('[SPY, AIG, BRK.B]', '[5m, 1d, 30m]', 'here'));
    const other = load(
      `description: words\nhorizons: [30m, 5m, 1d]\nrisk: { restrictedSymbols: [BRK.B, SPY, AIG] }\ndata: { symbols: [BRK.B, SPY, AIG], dataset: ../there }\nname: a\n`,
    );
    expect(JSON.stringify(other.settings)).toBe(JSON.stringify(one.settings));
    expect(one.settings.symbols).toEqual(['AIG', 'BRK.B', 'SPY']);
    expect(other.resolvedPaths.datasetDir).not.toBe(one.resolvedPaths.datasetDir);
  });

  it('holds no path of this machine', () => {
    const loaded = load(`${MINIMAL}models: { runRoot: ./m, predictions: p.parquet }\n`);
    expect(JSON.stringify(loaded.settings)).not.toContain('/');
    expect(loaded.resolvedPaths.runRootDir).toMatch(/^\/.*\/m$/);
  });

  it('changes with any number that decides something', () => {
    const settings = (set: string) => JSON.stringify(load(MINIMAL, [set]).settings);
    const sets = [
      'seed=2',
      'strict=false',
      'sizing.band=0.01',
      'broker.fee={kind: bps, bps: 2}',
      'horizons=[5m]',
    ];
    expect(new Set([...sets.map(settings), JSON.stringify(load(MINIMAL).settings)]).size).toBe(
      sets.length + 1,
    );
  });

  it('turns -0 into 0', () => {
    const { reserve } = load(`${MINIMAL}arbitration: { reserve: -0 }\n`).settings.engine.arbitration;
    expect(Object.is(reserve, 0)).toBe(true);
  });
});
