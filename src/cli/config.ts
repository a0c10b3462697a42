import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { diffScenarios, type SettingDifference } from '../config/diff-scenarios.ts';
import { scenarioJsonSchemaText } from '../config/json-schema.ts';
import { BASELINES, type LoadedScenario, loadBaseline } from '../config/load-scenario.ts';
import { formatProblem, ScenarioError } from '../config/problems.ts';
import { readSecret, secretReferences } from '../config/secrets.ts';
import { showScenario } from '../config/show-scenario.ts';
import { InputError } from '../domain/errors.ts';
import { EXIT } from './errors.ts';
import { loadWithOptions, type ScenarioOptions, withSetOption } from './scenario-options.ts';
import { createPainter, renderTable } from './terminal.ts';

interface ShowOptions extends ScenarioOptions {
  readonly json?: boolean;
}

interface ValidateOptions extends ScenarioOptions {
  readonly secrets?: boolean;
}

export function registerConfigCommand(program: Command): void {
  const config = program
    .command('config')
    .summary('show, check, compare and document scenarios')
    .description('Show, check, compare and document scenarios.')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape config validate scenarios/quickstart.yaml
  $ sametape config show scenarios/quickstart.yaml
  $ sametape config diff scenarios/quickstart.yaml reference
  $ sametape config schema > scenario.schema.json`,
    );
  addShow(config);
  addValidate(config);
  addDiff(config);
  addSchema(config);
}

function addShow(config: Command): void {
  const command = config
    .command('show')
    .summary('print a scenario with every default filled in')
    .description(
      'Print a scenario as a scenario file with every default filled in. A comment says where each value that is not a default was written.',
    )
    .argument('<scenario>', 'scenario .yaml file')
    .option(
      '--json',
      'print the settings in engine units, the part that a run is identified by, as one JSON object',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ sametape config show scenarios/quickstart.yaml
  $ sametape config show scenarios/quickstart.yaml --set extends=reference
  $ sametape config show scenarios/quickstart.yaml --json | jq .engine.sizing`,
    )
    .action((file: string, options: ShowOptions) => {
      const loaded = loadWithOptions(file, options);
      process.stdout.write(
        options.json === true ? `${JSON.stringify(loaded.settings)}\n` : showScenario(loaded, process.cwd()),
      );
    });
  withSetOption(command);
}

function addValidate(config: Command): void {
  const command = config
    .command('validate')
    .summary('check a scenario and list every problem')
    .description('Check a scenario and list every problem with its place. Exit code 2 when there is one.')
    .argument('<scenario>', 'scenario .yaml file')
    .option('--secrets', 'also check that its secrets are there: variables set, files with mode 600')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape config validate scenarios/quickstart.yaml
  $ sametape config validate my.yaml --set horizons=[5m,30m]`,
    )
    .action((file: string, options: ValidateOptions) => {
      try {
        const { settings, scenario } = loadWithOptions(file, options);
        if (options.secrets === true) {
          for (const reference of secretReferences(scenario)) readSecret(reference, process.env);
        }
        const green = createPainter(process.stdout).green;
        process.stdout.write(
          `${green('ok')}  ${file}: scenario ${settings.name}, horizons ${settings.horizons.map((horizon) => horizon.label).join(' ') || 'as discovered'}\n`,
        );
      } catch (error) {
        if (!(error instanceof ScenarioError)) throw error;
        for (const problem of error.problems) process.stderr.write(`sametape: ${formatProblem(problem)}\n`);
        process.exitCode = EXIT.badInput;
      }
    });
  withSetOption(command);
}

function addDiff(config: Command): void {
  const command = config
    .command('diff')
    .summary('list where two scenarios differ')
    .description(
      `List every key where two scenarios differ, with both values and where each comes from. Either side is a scenario file, the folder of a run, or one of ${BASELINES.join(', ')}. Without a second one, the first is compared with what it extends, or else with the defaults.`,
    )
    .argument('<a>', 'scenario .yaml file, which --set changes; or run folder, or one of the names above')
    .argument('[b]', 'the same, to compare with')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape config diff scenarios/quickstart.yaml
  $ sametape config diff scenarios/quickstart.yaml scenarios/real-2013-10.yaml
  $ sametape config diff scenarios/quickstart.yaml runs/RUN_ID
  $ sametape config diff reference defaults

Exit code 0: the same settings. 1: they differ. 2: bad input.`,
    )
    .action(diffCommand);
  withSetOption(command);
}

async function diffCommand(
  a: string,
  b: string | undefined,
  options: ScenarioOptions & { readonly json?: boolean },
): Promise<void> {
  // A baseline takes the name and the dataset of the other side, so that it differs in settings only.
  const given = await loadSide(a, options);
  const other = b === undefined ? undefined : await loadSide(b, {});
  const left = given ?? loadBaseline(a, other);
  const right = other ?? loadBaseline(b, left);
  const differences = diffScenarios({ a: left, b: right }, process.cwd());
  const isSame = differences.length === 0;
  if (options.json === true) process.stdout.write(`${JSON.stringify({ same: isSame, differences })}\n`);
  else process.stdout.write(isSame ? 'the same settings\n' : `${differencesText(differences)}\n`);
  if (!isSame) process.exitCode = EXIT.checkFailed;
}

/**
 * Undefined for a baseline, which is not loaded by itself.
 * @throws InputError USAGE for `--set` on what is no scenario file
 */
async function loadSide(name: string, options: ScenarioOptions): Promise<LoadedScenario | undefined> {
  const isBaseline = BASELINES.includes(name);
  const isRun = !isBaseline && statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isBaseline && !isRun) return loadWithOptions(name, options);
  if ((options.set ?? []).length > 0) {
    const what = isRun ? 'a run, whose settings are those it was made with' : 'not a file';
    throw new InputError(
      'USAGE',
      `--set: changes a scenario file given first, and ${name} is ${what}; name the scenario file first`,
    );
  }
  if (isBaseline) return undefined;
  const { loadRecordedScenario } = await import('../research/recorded-scenario.ts');
  return loadRecordedScenario(name);
}

function differencesText(differences: readonly SettingDifference[]): string {
  const shown = (value: unknown): string => (value === null ? '-' : JSON.stringify(value));
  return renderTable(
    [{ title: 'key' }, { title: 'a' }, { title: 'from' }, { title: 'b' }, { title: 'from' }],
    differences.map(({ key, a, b }) => [key, shown(a.value), a.from, shown(b.value), b.from]),
  );
}

function addSchema(config: Command): void {
  config
    .command('schema')
    .summary('print the JSON Schema of scenario files')
    .description(
      'Print the JSON Schema of scenario files, for editors: name it in the first line of a scenario, "# yaml-language-server: $schema=./scenario.schema.json".',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ sametape config schema > scenarios/scenario.schema.json`,
    )
    .action(() => {
      process.stdout.write(scenarioJsonSchemaText());
    });
}
