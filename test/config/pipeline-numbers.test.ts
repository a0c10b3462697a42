import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type SchemaNode, scenarioJsonSchema } from '../../src/config/json-schema.ts';
import { load, MINIMAL } from './workspace.ts';

/** Every number of PIPELINE.md that a person can set: the words of the page, the key, and its default. */
const NUMBERS: readonly (readonly [page: string, key: string, value: unknown])[] = [
  ['half-life 78 bars', 'prediction.volHalfLifeBars', 78],
  ['no alpha before 12 returns', 'prediction.volMinReturns', 12],
  ['clip((r - mean)/std, -3, 3)', 'prediction.scoreClip', 3],
  ['std < 1e-9 gives 0', 'prediction.standardizeMinStd', 1e-9],
  ['`min_samples` (default 100)', 'prediction.standardizeMinSamples', 100],
  ['max(IC_shrunk, 0.01) * freshness', 'prediction.confidenceFloor', 0.01],
  ['last 20,000 pairs', 'prediction.icWindowPairs', 20_000],
  ['recomputed every 30 cycles', 'prediction.icRecomputeCycles', 30],
  ['IC*n/(n+200)', 'prediction.icShrinkPairs', 200],
  ['0 below 50 pairs', 'prediction.icMinPairs', 50],
  [
    'tau = 150 300 450 900 1800 7200 s',
    'prediction.freshnessTauSeconds',
    { '5m': 150, '10m': 300, '15m': 450, '30m': 900, '60m': 1800, '1d': 7200 },
  ],
  ['7200 s, default 300', 'prediction.freshnessTauDefaultSeconds', 300],
  ['kappa 0.1', 'prediction.capacityKappa', 0.1],
  ['0.5 below 50 pairs', 'prediction.stabilityDefault', 0.5],
  ['skipped below 5 symbols', 'prediction.rankMinSymbols', 5],
  ['IC_shrunk*(1 - 0.5*min(1, cost_share))', 'blending.costPenalty', 0.5],
  ['min(1, cost_share)), 0.01)', 'blending.muFloor', 0.01],
  ['lambda 0.15', 'blending.ridgeLambda', 0.15],
  [
    'T = 0.75 0.85 0.90 1 1 1',
    'blending.temperature',
    { '5m': 0.75, '10m': 0.85, '15m': 0.9, '30m': 1, '60m': 1, '1d': 1 },
  ],
  ['k = 1, 0.05, 1', 'arbitration.k1', 1],
  ['k = 1, 0.05, 1', 'arbitration.k2', 0.05],
  ['k = 1, 0.05, 1', 'arbitration.k3', 1],
  ['k3*10*sqrt((q/ADV)/0.01)', 'arbitration.impactBps', 10],
  ['k3*10*sqrt((q/ADV)/0.01)', 'arbitration.impactParticipation', 0.01],
  ['theta = 0.25 bps', 'arbitration.entryThresholdBps', 0.25],
  ['`reserve`*spread_bps, 0 by default', 'arbitration.reserve', 0],
  ['spread_bps > 12', 'gating.maxSpreadBps', 12],
  ['quote age > 2 s', 'gating.maxQuoteAgeSeconds', 2],
  ['max(0.2, (1-p_peak)', 'gating.gateFloor', 0.2],
  ['(1-p_peak)^1.0', 'gating.peakExponent', 1],
  ['(0.5+0.5*p_valley)', 'gating.favourableBase', 0.5],
  ['(0.5+0.5*p_valley)^0.5', 'gating.valleyExponent', 0.5],
  ['(or y_p_peak) > 0.6', 'gating.peakThreshold', 0.6],
  ['p_valley > 0.55', 'gating.valleyThreshold', 0.55],
  ['peak_threshold + 0.05', 'gating.exitMargin', 0.05],
  ['|alpha| > half of cost_h', 'gating.opposingAlphaCostFraction', 0.5],
  ['ic_ref 0.05', 'sizing.icRef', 0.05],
  ['alpha_h/(sigma_h*ic_ref), -3, 3)', 'sizing.zMax', 3],
  ['max_weight 0.05', 'sizing.maxWeight', 0.05],
  ['min(0.008,', 'sizing.band', 0.008],
  ['0.2*gross_target/universe size', 'sizing.bandGrossFraction', 0.2],
  ['gross_target 0.50', 'sizing.grossTarget', 0.5],
  ['cooldown 5 s', 'risk.cooldownSeconds', 5],
  ['position 20 %', 'risk.maxPosition', 0.2],
  ['gross 100 %', 'risk.maxGross', 1],
  ['Daily loss 2 %', 'risk.dailyLoss', 0.02],
  ['Drawdown 10 %', 'risk.drawdown', 0.1],
  ['Warnings at 70 %', 'risk.warnFraction', 0.7],
  ['`reduce_only` (default', 'risk.killAction', 'reduce_only'],
  ['with probability `explore` (0.1)', 'learning.explore', 0.1],
  ['/ (3*sigma_h at entry)', 'learning.rewardSigmas', 3],
  ['b ramps 0 -> 0.3', 'learning.blend', 0.3],
  ['from 100 to 200 rewards', 'learning.rampStartRewards', 100],
  ['from 100 to 200 rewards', 'learning.rampRewards', 100],
  ['5m 10m 15m 30m 60m 1d', 'horizons', ['5m', '10m', '15m', '30m', '60m', '1d']],
  ['every minute of the session', 'cycle.minutes', 1],
];

/**
 * Numbers of the page that are no settings: definitions (5-minute volatility, 390 minutes a day, half a rank), units of
 * money, and the schedule of Exp3-IX, which its regret bound fixes.
 */
function defaultOf(key: string): unknown {
  let node: SchemaNode | undefined = scenarioJsonSchema();
  for (const part of key.split('.')) node = node?.properties?.[part];
  expect(node?.description, `${key} is documented`).toBeDefined();
  return node?.default;
}

describe('every number of the pipeline page', () => {
  it.each(NUMBERS)('"%s" is the documented default of %s', (_page, key, value) => {
    expect(defaultOf(key)).toEqual(value);
  });

  it('and the ten trading days of the standardiser is what a scenario without it resolves to', () => {
    expect(load(MINIMAL).settings.engine.prediction.standardizeWindow).toBe(10 * 390);
  });

  const page = fileURLToPath(new URL('../../../shared/design/PIPELINE.md', import.meta.url));
  it.skipIf(!existsSync(page))('stands on the page as it is quoted here', () => {
    const text = readFileSync(page, 'utf8').replace(/\s+/g, ' ');
    expect(NUMBERS.map(([words]) => words).filter((words) => !text.includes(words))).toEqual([]);
  });
});
