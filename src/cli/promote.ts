import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { InputError } from '../domain/errors.ts';
import { US_PER_SECOND } from '../domain/units.ts';
import { type DryFireReport, dryFire } from '../modes/dry-fire.ts';
import { lastPrice } from '../modes/last-price.ts';
import { BROKER_NAMES, openBroker, problemOfDryFire } from '../modes/open-broker.ts';
import type { Clock } from '../ports/clock.ts';
import { certificateFile } from '../research/certificate.ts';
import { promote } from '../research/promote.ts';
import { wallClock } from '../sources/wall-clock.ts';
import { writeTextAtomic } from '../tape/atomic-file.ts';
import { wholeNumberOption } from './option-values.ts';
import { createProgress } from './progress.ts';
import { loadWithOptions, type ScenarioOptions, withSetOption } from './scenario-options.ts';

interface PromoteCliOptions extends ScenarioOptions {
  readonly out?: string;
  readonly golden: string;
  readonly cuts: string;
  readonly seed: string;
  readonly skipDryFireReason?: string;
  readonly json?: boolean;
}

const DRY_FIRE_ANSWER_US = 60 * US_PER_SECOND;
const MAX_CUTS = 1000;

const CHECKS = { golden: 'golden', lookAhead: 'look-ahead', parity: 'parity', dryFire: 'dry fire' } as const;

/** Adds `sametape promote SCENARIO`. */
export function registerPromoteCommand(program: Command): void {
  const command = program
    .command('promote')
    .summary('check a scenario for live trading and certify it')
    .description(
      'Runs the golden check, the look-ahead audit, parity of backtest and paper, and a dry fire at the broker in paper mode, then writes the certificate that "sametape live" asks for.',
    )
    .argument('<scenario>', 'scenario file; its broker section names the broker in paper mode')
    .option('--out <file>', 'where the certificate goes (default: NAME.certificate.json here)')
    .option('--golden <dir>', 'folder of the golden files', 'golden')
    .option('--cuts <n>', 'moments of the look-ahead audit', '4')
    .option('--seed <n>', 'its seed', '1')
    .option('--skip-dry-fire-reason <text>', 'send nothing to a broker; the reason goes into the certificate')
    .option('--json', 'print the certificate as one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape promote scenarios/live.yaml --out live.certificate.json
  $ sametape promote scenarios/quickstart.yaml --skip-dry-fire-reason "no account yet"

Exit code 0: certified. 1: a check failed, and no certificate was written.`,
    );
  withSetOption(command).action(promoteCommand);
}

async function promoteCommand(scenarioFile: string, options: PromoteCliOptions): Promise<void> {
  const { skipDryFireReason: reason } = options;
  if (reason !== undefined && reason.trim() === '') {
    throw new InputError(
      'USAGE',
      '--skip-dry-fire-reason: expected a reason, which goes into the certificate',
    );
  }
  if (reason === undefined) await expectBroker(loadWithOptions(scenarioFile, options));
  const certificate = await promote({
    scenarioFile,
    set: options.set ?? [],
    goldenDir: resolve(options.golden),
    cuts: wholeNumberOption('--cuts', options.cuts, { min: 1, max: MAX_CUTS }),
    seed: wholeNumberOption('--seed', options.seed, { min: 0, max: Number.MAX_SAFE_INTEGER }),
    dryFire: (scenario) =>
      reason === undefined ? fireAtBroker(scenario, wallClock) : Promise.resolve({ skipped: reason }),
    clock: wallClock,
    progress: createProgress(),
    passed: (check, numbers) => {
      if (options.json !== true) process.stdout.write(`passed  ${CHECKS[check].padEnd(10)}  ${numbers}\n`);
    },
  });
  const file = resolve(options.out ?? certificateFile('.', certificate.scenario));
  writeTextAtomic(file, `${JSON.stringify(certificate, null, 2)}\n`);
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(certificate)}\n`
      : `certificate ${certificate.sha256.slice(0, 12)} of ${certificate.scenario}: ${file}\n`,
  );
}

/** What the dry fire will ask for is there: nobody should hear of a missing key after minutes of checks. Sends nothing. */
async function expectBroker(scenario: LoadedScenario): Promise<void> {
  const problem = problemOfDryFire(scenario);
  if (problem !== undefined) throw new InputError('BROKER_NOT_PAPER', problem);
  if (scenario.scenario.broker.source === 'simulated') {
    throw new InputError(
      'BROKER_UNKNOWN',
      `broker.source: simulated has no account for the dry fire; expected one of ${BROKER_NAMES.join(', ')}, or --skip-dry-fire-reason with why it is left out`,
    );
  }
  const broker = await openBroker(scenario, { environment: process.env, clock: wallClock });
  await broker.close();
}

async function fireAtBroker(scenario: LoadedScenario, clock: Clock): Promise<DryFireReport> {
  const problem = problemOfDryFire(scenario);
  if (problem !== undefined) throw new InputError('BROKER_NOT_PAPER', problem);
  const { symbol, priceE4 } = await lastPrice(scenario);
  return dryFire({
    broker: await openBroker(scenario, { environment: process.env, clock }),
    clock,
    symbol,
    priceE4,
    clientOrderId: `dryfire-${randomBytes(8).toString('hex')}`,
    withinUs: DRY_FIRE_ANSWER_US,
  });
}
