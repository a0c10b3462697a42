import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadedScenario, loadScenario } from '../config/load-scenario.ts';
import { parseSetOptions } from '../config/overrides.ts';
import { CheckFailedError } from '../domain/errors.ts';
import { runBacktest } from '../modes/backtest.ts';
import type { DryFireReport } from '../modes/dry-fire.ts';
import { runPaper } from '../modes/paper.ts';
import { prepareRun } from '../modes/prepare.ts';
import type { Clock } from '../ports/clock.ts';
import type { Progress } from '../ports/progress.ts';
import {
  type Certificate,
  type CertifiedFacts,
  type CertifiedResults,
  certificateOf,
  certifiedFacts,
} from './certificate.ts';
import { checkGolden } from './golden.ts';
import { auditLookAhead } from './look-ahead.ts';

export interface PromoteOptions {
  readonly scenarioFile: string;
  readonly set: readonly string[];
  readonly goldenDir: string;
  readonly cuts: number;
  readonly seed: number;
  /** Fires at the broker of the scenario in paper mode, or says why not. */
  readonly dryFire: (scenario: LoadedScenario) => Promise<DryFireReport | { readonly skipped: string }>;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Told of each check that passed, with its numbers. */
  readonly passed: (check: keyof CertifiedResults, numbers: string) => void;
}

/**
 * Checks everything that can be checked without trading and, where all of it holds, certifies it. The dry fire comes
 * last: nothing is sent to a broker for a scenario that fails at home.
 * @throws CheckFailedError PROMOTE_FAILED naming the check; what the checks throw
 */
export async function promote(options: PromoteOptions): Promise<Certificate> {
  const { scenarioFile, set, goldenDir, clock, passed } = options;
  const scenario = loadWithSet(scenarioFile, set);
  const before = await factsOf(scenario, goldenDir);
  const golden = await passGolden(options);
  passed('golden', `decision head ${golden.decisionHead.slice(0, 12)}, inference ${golden.inference}`);
  const lookAhead = await passLookAhead(options, scenario);
  passed('lookAhead', `${lookAhead.cuts} cuts, ${lookAhead.recordsCompared} records compared`);
  const parity = await passParity(options);
  passed('parity', `${parity.cycles} cycles, ${parity.orders} orders, ${parity.fills} fills, the same twice`);
  const dryFire = await passDryFire(options, scenario);
  passed('dryFire', dryFireText(dryFire));
  const facts = await factsOf(scenario, goldenDir);
  if (JSON.stringify(facts) !== JSON.stringify(before)) {
    throw failure('something that the certificate names was changed while the checks ran; run it again');
  }
  const results = { golden, lookAhead, parity, dryFire };
  const issuedAt = new Date(clock.nowUs() / 1000);
  return certificateOf({ scenario: scenario.name, facts, results, issuedAt });
}

function loadWithSet(file: string, set: readonly string[]): LoadedScenario {
  return loadScenario({ file, overrides: parseSetOptions(set, process.cwd()) });
}

/** What a scenario is, on this machine, now. */
export async function factsOf(scenario: LoadedScenario, goldenDir: string): Promise<CertifiedFacts> {
  const { identity, inference } = await prepareRun(scenario);
  await inference?.close();
  return certifiedFacts(scenario, { identity, goldenDir });
}

async function passGolden({
  scenarioFile,
  set,
  goldenDir,
}: PromoteOptions): Promise<CertifiedResults['golden']> {
  const check = await checkGolden({ scenarioFile, goldenDir, set });
  if (!check.ok) {
    const { difference, changedInputs, changedTotals } = check;
    const what =
      changedInputs.length > 0
        ? `not its ${changedInputs.join(', ')}`
        : difference !== undefined
          ? `cycle ${difference.cycle} differs`
          : changedTotals.length > 0
            ? `${changedTotals[0].name} differs`
            : `inference is ${check.inference.verdict}`;
    throw failure(`the golden check: ${what}; see "sametape golden check ${scenarioFile}"`);
  }
  return { decisionHead: check.decisionHead.found, inference: check.inference.verdict };
}

async function passLookAhead(
  { cuts, seed, progress }: PromoteOptions,
  scenario: LoadedScenario,
): Promise<CertifiedResults['lookAhead']> {
  const report = await auditLookAhead(scenario, { cuts, seed, progress });
  if (!report.ok) throw failure('the look-ahead audit; see "sametape audit look-ahead"');
  const recordsCompared = report.cuts.reduce((sum, { recordsBefore }) => sum + recordsBefore, 0);
  return { cuts: report.cuts.length, seed, recordsCompared };
}

/** Backtest and paper over the scenario's own dataset, at the simulated broker, whatever it names for live. */
async function passParity({
  scenarioFile,
  set,
  clock,
  progress,
}: PromoteOptions): Promise<CertifiedResults['parity']> {
  const scenario = loadWithSet(scenarioFile, [...set, 'data.source=dataset', 'broker.source=simulated']);
  const scratch = mkdtempSync(join(tmpdir(), 'sametape-parity-'));
  try {
    const backtest = await runBacktest({ scenario, outDir: join(scratch, 'backtest'), progress });
    const paper = await runPaper({ scenario, outDir: join(scratch, 'paper'), progress, clock, speed: 'max' });
    if (paper.decisionHead !== backtest.decisionHead) {
      throw failure(
        `parity: backtest and paper over the same dataset decide differently (${backtest.decisionHead.slice(0, 12)} and ${paper.decisionHead.slice(0, 12)})`,
      );
    }
    const { decisionHead, cycles, orders, fills } = paper;
    return { decisionHead, cycles, orders, fills };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function passDryFire(
  { dryFire }: PromoteOptions,
  scenario: LoadedScenario,
): Promise<CertifiedResults['dryFire']> {
  const fired = await dryFire(scenario);
  return 'skipped' in fired ? { kind: 'skipped', reason: fired.skipped } : { kind: 'fired', ...fired };
}

function dryFireText(result: CertifiedResults['dryFire']): string {
  if (result.kind === 'skipped') return `SKIPPED: ${result.reason}`;
  const { broker, symbol, acceptedAfterUs, cancelledAfterUs } = result;
  return `${broker}: 1 ${symbol} accepted after ${Math.round(acceptedAfterUs / 1000)} ms, cancelled after ${Math.round(cancelledAfterUs / 1000)} ms, no position moved`;
}

function failure(what: string): CheckFailedError {
  return new CheckFailedError('PROMOTE_FAILED', `promote: ${what}; no certificate was written`);
}
