import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { compareCodeUnits } from '../domain/compare.ts';
import { CheckFailedError, InputError, InvariantError, SametapeError } from '../domain/errors.ts';
import {
  checkGolden,
  type GoldenCheck,
  type InferenceCheck,
  loadGoldenScenario,
  updateGolden,
} from '../research/golden.ts';
import type { GoldenDifference } from '../research/golden-file.ts';
import { withSetOption } from './scenario-options.ts';

/** Characters: what is shorter tells nobody why. */
const SHORTEST_REASON = 8;

interface GoldenCliOptions {
  readonly golden: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

/** Adds `sametape golden check|update [SCENARIO…]`. */
export function registerGoldenCommand(program: Command): void {
  const golden = program
    .command('golden')
    .summary('check scenarios against their golden files, or make them anew')
    .description(
      'Golden files pin what a scenario decides, cycle by cycle and stage by stage. They are checked in fresh processes with a foreign time zone and locale.',
    )
    .addHelpText('after', '\nExamples:\n  $ sametape golden check\n  $ sametape golden update --help');
  const check = golden
    .command('check')
    .summary('run scenarios and compare every cycle with their golden files')
    .description('Run scenarios and compare every cycle with their golden files.')
    .argument('[scenarios...]', 'scenario files; default: those in scenarios/ that have a golden file')
    .option('--golden <dir>', 'folder of the golden files', 'golden')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape golden check
  $ sametape golden check scenarios/quickstart.yaml --json

Exit code 0: as pinned. 1: the first divergent cycle and stage are named, with the decisions before and after; or one of
several scenarios could not be checked.`,
    )
    .action(checkCommand);
  const update = golden
    .command('update')
    .summary('make golden files anew from a run, and record why')
    .description('Make golden files anew from a run, and record why.')
    .argument('<scenarios...>', 'scenario files')
    .requiredOption(
      '--reason <text>',
      `why the decisions changed, in ${SHORTEST_REASON} characters or more; kept in the golden file`,
    )
    .option('--golden <dir>', 'folder of the golden files', 'golden')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape golden update scenarios/quickstart.yaml --reason "spread gate counts locked quotes"`,
    )
    .action(updateCommand);
  for (const command of [check, update]) withSetOption(command);
}

async function checkCommand(scenarios: readonly string[], options: GoldenCliOptions): Promise<void> {
  const goldenDir = resolve(options.golden);
  const checks: GoldenCheck[] = [];
  const skipped: string[] = [];
  const unchecked: Unchecked[] = [];
  const set = options.set ?? [];
  const say = (line: string): void => {
    if (options.json !== true) process.stdout.write(`${line}\n`);
  };
  const chosen = chosenScenarios(scenarios, goldenDir);
  for (const scenarioFile of chosen) {
    try {
      const missing = scenarios.length === 0 ? missingDataset({ scenarioFile, set }) : undefined;
      if (missing !== undefined) {
        skipped.push(scenarioFile);
        say(`skipped ${scenarioFile}: ${missing}`);
        continue;
      }
      const check = await checkGolden({ scenarioFile, goldenDir, set });
      checks.push(check);
      say(checkLine(check));
    } catch (error) {
      // of several, the others are checked all the same; a bug is not a matter of one scenario
      if (chosen.length === 1 || !(error instanceof SametapeError) || error instanceof InvariantError)
        throw error;
      unchecked.push({ scenarioFile, message: error.message });
      say(`ERROR   ${scenarioFile}: ${error.message}`);
    }
  }
  const failed = checks.filter(({ ok }) => !ok).length;
  const ok = failed + unchecked.length === 0;
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ ok, checks, unchecked, skipped })}\n`);
  }
  if (!ok) throw failureOf({ failed, checked: checks.length, unchecked });
}

interface Unchecked {
  readonly scenarioFile: string;
  readonly message: string;
}

function failureOf({
  failed,
  checked,
  unchecked,
}: {
  readonly failed: number;
  readonly checked: number;
  readonly unchecked: readonly Unchecked[];
}): CheckFailedError {
  const parts = [
    ...(failed === 0
      ? []
      : [
          `${failed} of ${checked} scenarios differ from their golden files; if that is meant, "sametape golden update SCENARIO --reason …"`,
        ]),
    ...(unchecked.length === 0
      ? []
      : [`not checked: ${unchecked.map(({ scenarioFile }) => scenarioFile).join(', ')}`]),
  ];
  return new CheckFailedError(failed > 0 ? 'GOLDEN_DIFFERS' : 'GOLDEN_UNCHECKED', parts.join('; '));
}

/**
 * Scenario files named, or those beside us whose golden file exists.
 * @throws InputError GOLDEN_ORPHAN where a golden file would be left out, because its scenario is not there
 */
function chosenScenarios(named: readonly string[], goldenDir: string): readonly string[] {
  if (named.length > 0) return named;
  const found = existsSync(goldenDir)
    ? readdirSync(goldenDir)
        .filter((name) => name.endsWith('.json'))
        .map((name) => ({ golden: name, scenario: join('scenarios', `${name.slice(0, -5)}.yaml`) }))
        .sort((a, b) => compareCodeUnits(a.golden, b.golden))
    : [];
  if (found.length === 0 || !existsSync('scenarios')) {
    throw new InputError(
      'GOLDEN_NONE',
      `${goldenDir}: no golden file of a scenario in scenarios/; name the scenario files, or run this at the top of the project`,
    );
  }
  const orphan = found.find(({ scenario }) => !existsSync(scenario));
  if (orphan !== undefined) {
    throw new InputError(
      'GOLDEN_ORPHAN',
      `${join(goldenDir, orphan.golden)}: its scenario ${orphan.scenario} is not there, so nothing would check it; name the scenario files, or remove the golden file with the scenario`,
    );
  }
  return found.map(({ scenario }) => scenario);
}

/** Why a scenario cannot be checked here: its market data is not part of the project. Only for scenarios not named. */
function missingDataset(options: {
  readonly scenarioFile: string;
  readonly set: readonly string[];
}): string | undefined {
  const { datasetDir } = loadGoldenScenario(options).resolvedPaths;
  return existsSync(datasetDir)
    ? undefined
    : `its dataset ${relative(process.cwd(), datasetDir)} is not on this machine`;
}

function checkLine(check: GoldenCheck): string {
  const { scenario, ok, decisionHead, difference, changedInputs, inference } = check;
  const { expected, found } = decisionHead;
  if (ok) return `ok      ${scenario}: decision head ${found}; ${inferenceText(inference)}`;
  const isHeadSame = expected === found;
  const lines = [
    isHeadSame
      ? `FAILED  ${scenario}: decision head ${found} as pinned, but not all else`
      : `FAILED  ${scenario}: decision head expected ${expected}, found ${found}`,
  ];
  if (changedInputs.length > 0) lines.push(`        changed: ${changedInputs.join(', ')}`);
  if (difference !== undefined) {
    lines.push(`        first divergent cycle ${difference.cycle}, stage ${difference.stage}`);
    if (isHeadSame)
      lines.push(
        `        the pinned cycles are not those of the pinned head: was ${scenario}.cycles.jsonl edited?`,
      );
    lines.push(...changedLines(difference));
  }
  for (const total of check.changedTotals) {
    lines.push(`        ${total.name} expected ${total.expected}, found ${total.found}`);
  }
  if (inference.verdict === 'different') lines.push(`        ${inferenceText(inference)}`);
  return lines.join('\n');
}

function changedLines({ cycle, changedCycle, changed }: GoldenDifference): string[] {
  if (changedCycle === null) return ['        no decision is another in the cycles that both have'];
  return [
    ...(changedCycle === cycle ? [] : [`        first decisions that differ: cycle ${changedCycle}`]),
    ...changed.flatMap(({ symbol, before, after }) => [
      `        ${symbol} before ${before}`,
      `        ${symbol} after  ${after}`,
    ]),
  ];
}

function inferenceText({ verdict, largest, firstCycle }: InferenceCheck): string {
  switch (verdict) {
    case 'same_bits':
      return 'live inference gives the recorded bits';
    case 'close':
      return `live inference differs in the last bits on this processor (${largest}, from cycle ${firstCycle})`;
    case 'different':
      return `live inference differs from the recorded predictions by ${largest}, from cycle ${firstCycle}`;
    case 'not_run':
      return 'no models, nothing to infer';
  }
}

async function updateCommand(
  scenarios: readonly string[],
  options: GoldenCliOptions & { readonly reason: string },
): Promise<void> {
  if (options.reason.trim().length < SHORTEST_REASON) {
    throw new InputError(
      'GOLDEN_REASON',
      `--reason ${JSON.stringify(options.reason)}: expected at least ${SHORTEST_REASON} characters that say why the decisions changed`,
    );
  }
  const date = new Date().toISOString().slice(0, 10);
  for (const scenarioFile of scenarios) {
    const golden = await updateGolden({
      scenarioFile,
      goldenDir: resolve(options.golden),
      set: options.set ?? [],
      reason: options.reason.trim(),
      date,
    });
    const { scenario, decisionHead, cycles, orders, fills } = golden;
    process.stdout.write(
      `${scenario}: ${cycles} cycles, ${orders} orders, ${fills} fills, decision head ${decisionHead}\n`,
    );
  }
}
