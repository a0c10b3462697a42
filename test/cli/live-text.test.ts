import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { goingLiveText } from '../../src/cli/live.ts';
import { type LoadedScenario, loadScenario } from '../../src/config/load-scenario.ts';
import { problemOfDryFire, problemOfLive, problemOfPaper } from '../../src/modes/open-broker.ts';
import { type CertifiedResults, certificateOf } from '../../src/research/certificate.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { sametape } from './sametape.ts';

const folder = mkdtempSync(join(tmpdir(), 'sametape-live-text-'));
afterAll(() => rmSync(folder, { recursive: true }));

function load(sections: string): LoadedScenario {
  const file = join(folder, 's.yaml');
  writeFileSync(file, `name: s\n${sections}`);
  return loadScenario({ file });
}

const DATA = (source: string): string => `data: { dataset: ., source: ${source} }\n`;
const BROKER = (source: string, environment: string): string =>
  `broker: { source: ${source}, ${source}: { environment: ${environment} } }\n`;

describe('what may be traded', () => {
  it.each([
    [`${DATA('alpaca')}broker: { source: simulated }\n`, 'broker.source: simulated has no account'],
    [DATA('simulated') + BROKER('alpaca', 'live'), 'the market of "simulated" is made up'],
    [DATA('simulated') + BROKER('ibkr', 'live'), 'the market of "simulated" is made up'],
  ])('is not %j', (sections, problem) => {
    expect(problemOfLive(load(sections))).toContain(problem);
  });

  it.each([
    DATA('alpaca') + BROKER('alpaca', 'live'),
    DATA('alpaca') + BROKER('ibkr', 'live'),
    DATA('simulated') + BROKER('alpaca', 'paper'),
  ])('is %j', (sections) => {
    expect(problemOfLive(load(sections))).toBeUndefined();
  });

  it('is tried without money first', () => {
    for (const source of ['alpaca', 'ibkr']) {
      expect(problemOfDryFire(load(DATA('alpaca') + BROKER(source, 'live')))).toContain('expected paper');
      expect(problemOfDryFire(load(DATA('alpaca') + BROKER(source, 'paper')))).toBeUndefined();
    }
  });

  it('is traded on paper without money, or not at all', async () => {
    expect(problemOfPaper(load(DATA('alpaca')))).toBeUndefined();
    for (const source of ['alpaca', 'ibkr']) {
      expect(problemOfPaper(load(DATA('alpaca') + BROKER(source, 'paper')))).toBeUndefined();
      load(DATA('alpaca') + BROKER(source, 'live'));
      const { code, stderr } = await sametape(['paper', join(folder, 's.yaml')]);
      expect(code).toBe(2);
      expect(stderr).toMatch(
        new RegExp(`^sametape: broker\\.${source}\\.environment: live, expected paper.*\n$`),
      );
    }
  });
});

describe('what is shown before money moves', () => {
  it('is account, limits in dollars of this account, and a dry fire that was left out', () => {
    const hash = 'a'.repeat(64);
    const results: CertifiedResults = {
      golden: { decisionHead: hash, inference: 'same_bits' },
      lookAhead: { cuts: 1, seed: 1, recordsCompared: 1 },
      parity: { decisionHead: hash, cycles: 1, orders: 1, fills: 1 },
      dryFire: { kind: 'skipped', reason: 'no account yet' },
    };
    const facts = {
      ...{ settings: {}, symbols: ['AAA'], scenarioSha256: hash, codeSha256: hash, lockFileSha256: hash },
      ...{ modelSha256: {}, datasetSha256: hash, goldenSha256: hash, startSha256: {} },
    };
    const issuedAt = new Date('2026-11-26T12:00:00Z');
    const certificate = certificateOf({ scenario: 's', facts, results, issuedAt });
    const { identity } = syntheticRun({ synth: { symbols: 1, sessions: 1 } });
    const account = {
      accountId: 'U7',
      openOrders: 2,
      cashMicros: 5_000_000_000,
      positions: { AAA: 5, BBB: 0 },
    };
    const start = { identity, isResumed: false, portfolioValueMicros: 20_000_000_000, ...account };
    const text = (scenario: LoadedScenario): string => goingLiveText({ scenario, certificate, start });
    const shown = text(load(DATA('alpaca') + BROKER('ibkr', 'live')));
    const { dailyLossFrac } = identity.settings.risk;
    const dollars = (20_000 * dailyLossFrac).toFixed(2);
    for (const line of [
      /^account +U7 at ibkr$/m,
      /^value, cash +\$20,000\.00, \$5,000\.00$/m,
      /^there already +2 open orders, 1 positions$/m,
      new RegExp(`^stops at a daily loss of .*\\(\\$${dollars}\\)$`, 'm'),
      /^NO DRY FIRE +no account yet$/m,
      /^certificate +[0-9a-f]{12} of 2026-11-26T12:00:00\.000Z$/m,
    ]) {
      expect(shown).toMatch(line);
    }
    expect(text(load(DATA('alpaca') + BROKER('alpaca', 'paper')))).toContain(
      'U7 at alpaca (no money: paper)',
    );
  });
});
