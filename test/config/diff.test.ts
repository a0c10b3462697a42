import { describe, expect, it } from 'vitest';
import { diffScenarios } from '../../src/config/diff-scenarios.ts';
import { BASELINES, type LoadedScenario, loadBaseline } from '../../src/config/load-scenario.ts';
import { load, MINIMAL, newFolder, writeIn } from './workspace.ts';

/** `key: a (from) | b (from)`, without folders. */
function lines(a: LoadedScenario, b: LoadedScenario): string[] {
  return diffScenarios({ a, b }, '.').map(
    (difference) =>
      `${difference.key}: ${[difference.a, difference.b]
        .map(({ value, from }) => `${JSON.stringify(value)} (${from.replace(/^.*\//, '')})`)
        .join(' | ')}`,
  );
}

describe('the difference of two scenarios', () => {
  it('is by key, with both values and where each comes from', () => {
    const folder = newFolder();
    writeIn(folder, 'base.yaml', 'sizing: { band: 0.02 }\n');
    const a = load(`${MINIMAL}extends: ./base.yaml\nseed: 3\n`, ['risk.drawdown=0.3'], folder);
    const b = load(`${MINIMAL}broker: { fee: { kind: per_share, perShareDollars: 0.01 } }\n`, [], folder);
    expect(lines(a, b)).toEqual([
      'seed: 3 (s.yaml:4:7) | 1 (default)',
      'sizing.band: 0.02 (base.yaml:1:17) | 0.008 (default)',
      'risk.drawdown: 0.3 (--set risk.drawdown=0.3) | 0.1 (default)',
      'broker.fee.kind: "bps" (default) | "per_share" (s.yaml:3:24)',
      'broker.fee.bps: 1 (default) | null (absent)',
      'broker.fee.perShareDollars: null (absent) | 0.01 (s.yaml:3:52)',
      'broker.fee.minimumDollars: null (absent) | 0 (default)',
    ]);
  });

  it('is nothing where only order, place and words differ', () => {
    const text = (symbols: string, more: string) =>
      `name: a\n${more}data: { dataset: /d, symbols: ${symbols} }\n`;
    const a = load(text('[SPY, IBM]', 'description: one\n'));
    const b = load(text('[IBM, SPY]', 'horizons: [1d, 5m, 10m, 15m, 30m, 60m]\n'));
    expect(lines(a, b)).toEqual([]);
  });

  it('of horizons is one difference, without those of their tables', () => {
    const folder = newFolder();
    expect(lines(load(`${MINIMAL}horizons: [5m]\n`, [], folder), load(MINIMAL, [], folder))).toEqual([
      'horizons: ["5m"] (s.yaml:3:11) | ["5m","10m","15m","30m","60m","1d"] (default)',
    ]);
  });
});

describe('what a scenario stands on', () => {
  it('is the profile or the file it extends, or else the defaults', () => {
    const folder = newFolder();
    writeIn(folder, 'base.yaml', 'extends: reference\nseed: 2\n');
    const over = (base: string) => load(`${MINIMAL}${base}sizing: { band: 0.5 }\n`, [], folder);
    const band = (a: string, b: string) => `sizing.band: 0.5 (s.yaml:${a}) | 0.008 (${b})`;
    const onProfile = over('extends: reference\n');
    expect(lines(onProfile, loadBaseline(undefined, onProfile))).toEqual([
      band('4:17', 'profile reference:36:9'),
    ]);
    const onFile = over('extends: base.yaml\n');
    expect(lines(onFile, loadBaseline(undefined, onFile))).toEqual([band('4:17', 'profile reference:36:9')]);
    const onNothing = over('');
    expect(lines(onNothing, loadBaseline(undefined, onNothing))).toEqual([band('3:17', 'default')]);
  });

  it('can be named, and compared without a scenario', () => {
    expect(BASELINES).toEqual(['defaults', 'reference']);
    const keys = diffScenarios({ a: loadBaseline('reference'), b: loadBaseline('defaults') }, '.');
    expect(keys.map(({ key }) => key)).toEqual([
      'prediction.standardizeWindowCycles',
      'prediction.standardizeMinSamples',
      'arbitration.k2',
      'arbitration.entryThresholdBps',
      'arbitration.reserve',
      'gating.maxQuoteAgeSeconds',
      'sizing.bandGrossFraction',
      'broker.slippageBps',
      'broker.impactBps',
    ]);
  });
});
